//! Who calls: the bearer token of the request, as the security scheme of the OpenAPI document. An operation that takes a
//! [`Caller`] is declared as secured, and [`super::routes`] verifies the token before anything else of it runs.

use std::ops::Deref;

use accounts::member::Member;
use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::problem::{Problem, ProblemCode};
use accounts::tokens::{AccessTokens, TokenHolder};

/// The signed-in member of staff on whose behalf a request acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Member);

impl Deref for Caller {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.0
    }
}

/// The caller that these headers prove, or the 401 that says why not.
pub async fn authenticate(headers: &HeaderMap, tokens: &AccessTokens) -> Result<TokenHolder, Problem> {
    let token = bearer_token(headers).ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?;
    Ok(tokens.identify_with_new_keys(token).await?)
}

/// RFC 6750: the scheme's name in any case, one space, the token; one header, and nowhere else.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

const SCHEME: &str = "accessToken";

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "The access token of `POST /api/v1/auth/login`: PASETO v4.public, valid for minutes.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("PASETO"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let verified = request.data::<Self>().cloned();
        verified.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired).into())
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn token_in(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(token_in(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token_in(&["bearer abc"]).as_deref(), Some("abc"));
    }

    #[test]
    fn another_scheme_no_token_and_two_headers_are_no_bearer_token() {
        for values in [&[][..], &["Basic abc"], &["Bearer"], &["Bearer "], &["Bearer a", "Bearer b"]] {
            assert_eq!(token_in(values), None, "{values:?}");
        }
    }
}
