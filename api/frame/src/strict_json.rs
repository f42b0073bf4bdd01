//! JSON bodies, read strictly: what the OpenAPI document does not allow is refused, with the path of the field. The
//! library's own `Json` takes `true` for a string, unknown fields, `null`, and the last of two equal keys.

use std::time::Duration;

use poem::error::ReadBodyError;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;

use super::json_tree;
use super::problem::{Problem, ProblemCode, Violation};
use super::strict_value::StrictValue;

/// How much of a body is read, and for how long. Set once by the frame, found in the request's data.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Bytes.
    pub size: usize,
    /// Until the last byte.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { size: 1024 * 1024, time: Duration::from_secs(15) }
    }
}

/// A JSON body of exactly the declared shape. `T` derives serde's `Deserialize` (with `deny_unknown_fields`), which
/// reads it, and poem-openapi's `Object`, which declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrictJson<T>(pub T);

impl<T: Type> Payload for StrictJson<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let mut parts = content_type.split(';').map(str::trim);
        let json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case(Self::CONTENT_TYPE));
        json && parts.all(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return parameter.is_empty() };
            let utf8 = value.trim_matches('"').eq_ignore_ascii_case("utf-8");
            !name.eq_ignore_ascii_case("charset") || utf8
        })
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + DeserializeOwned> ParsePayload for StrictJson<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let limits = request.data::<BodyLimits>().copied().unwrap_or_default();
        let reading = body.take()?.into_bytes_limit(limits.size);
        let bytes = match tokio::time::timeout(limits.time, reading).await {
            Err(_) => return Err(Problem::new(ProblemCode::RequestTimeout).into()),
            Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(Problem::new(ProblemCode::BodyTooLarge).into()),
            Ok(Err(_)) => return Err(malformed(vec![Violation::new("", "body", "The body could not be read.")]).into()),
            Ok(Ok(bytes)) => bytes,
        };
        Ok(Self(parse(&bytes)?))
    }
}

/// Reads a value of the declared shape out of these bytes.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    if json.is_empty() {
        return Err(malformed(vec![Violation::new("", "required", "A JSON body is required.")]));
    }
    let tree = json_tree::read(json).map_err(malformed)?;
    serde_path_to_error::deserialize(StrictValue(&tree)).map_err(|error| {
        let path = error.path().to_string();
        malformed(vec![violation(&path, &error.into_inner().to_string())])
    })
}

fn malformed(violations: Vec<Violation>) -> Problem {
    Problem::new(ProblemCode::MalformedRequest).violating(violations)
}

/// serde's words for what is wrong, sorted by rule and without the value that was given: an error may be copied into
/// a ticket, the patient's name should not be.
fn violation(path: &str, message: &str) -> Violation {
    let path = if path == "." { "" } else { path };
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    };
    let expected = || match message.rsplit_once("expected ").map_or("", |(_, expected)| expected) {
        expected if expected.starts_with("struct ") || expected == "a map" => "an object",
        "a sequence" => "an array",
        "u8" | "u16" | "u32" | "u64" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "" => "of another type",
        expected => expected,
    };

    if message.starts_with("missing field") {
        Violation::new(below(quoted()), "required", "The field is required.")
    } else if message.starts_with("unknown field") {
        let name: String = quoted().chars().take(64).collect();
        Violation::new(below(&name), "unknown_field", "There is no such field here.")
    } else if message.starts_with("unknown variant") {
        Violation::new(path, "one_of", format!("Must be {}.", expected()))
    } else if message.starts_with("invalid length") {
        Violation::new(path, "length", format!("Must be {}.", expected()))
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        Violation::new(path, "type", format!("Must be {}.", expected()))
    } else {
        Violation::new(path, "type", "The value is not of the declared type.")
    }
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for StrictJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: <Self as Payload>::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let encoded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        if encoded || !request.content_type().is_some_and(Self::check_content_type) {
            return Err(Problem::new(ProblemCode::UnsupportedMediaType).into());
        }
        <Self as ParsePayload>::from_request(request, body).await
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Person {
        first_name: String,
        phone: Option<String>,
        #[serde(default)]
        children: Vec<Child>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Child {
        kind: Kind,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Girl,
        Boy,
    }

    fn refusal(json: &str) -> (String, String) {
        let problem = parse::<Person>(json.as_bytes()).expect_err(json);
        assert_eq!(problem.code(), ProblemCode::MalformedRequest);
        let first = problem.violations().first().cloned().expect(json);
        assert!(!first.detail.contains("Dupont"), "{}", first.detail);
        (first.field, first.rule)
    }

    #[test]
    fn a_body_of_the_declared_shape_is_read() {
        let json = br#"{"firstName":"Zo\u00e9","children":[{"kind":"girl"}]}"#;
        let person: Person = parse(json).unwrap();
        assert_eq!(
            person,
            Person { first_name: "Zoé".into(), phone: None, children: vec![Child { kind: Kind::Girl }] }
        );
    }

    #[test]
    fn everything_else_is_refused_with_the_path_of_the_field() {
        for (json, field, rule) in [
            ("", "", "required"),
            ("{", "", "syntax"),
            (r#"{"firstName":"a"} x"#, "", "syntax"),
            ("[]", "", "type"),
            (r#"["a"]"#, "", "type"),
            (r#"{"firstName":"a","children":[["girl"]]}"#, "children[0]", "type"),
            (r#"{"firstName":"a","children":[{"kind":{"girl":{}}}]}"#, "children[0].kind", "type"),
            ("\"Dupont\"", "", "type"),
            ("{}", "firstName", "required"),
            (r#"{"firstName":true}"#, "firstName", "type"),
            (r#"{"firstName":12}"#, "firstName", "type"),
            (r#"{"firstName":null}"#, "firstName", "null"),
            (r#"{"firstName":"a","phone":null}"#, "phone", "null"),
            (r#"{"firstName":"a","firstName":"b"}"#, "firstName", "once"),
            (r#"{"firstName":"a\u0000"}"#, "firstName", "nul"),
            (r#"{"firstName":"a","lastName":"Dupont"}"#, "lastName", "unknown_field"),
            (r#"{"firstName":"a","phone":{"Dupont":1}}"#, "phone", "type"),
            (r#"{"firstName":"a","children":[{"kind":"girl"},{}]}"#, "children[1].kind", "required"),
            (r#"{"firstName":"a","children":[{"kind":"Dupont"}]}"#, "children[0].kind", "one_of"),
            (r#"{"firstName":"a","children":[{"kind":"boy","x":1}]}"#, "children[0].x", "unknown_field"),
            (r#"{"firstName":"a","children":[{"kind":null}]}"#, "children[0].kind", "null"),
        ] {
            assert_eq!(refusal(json), (field.to_owned(), rule.to_owned()), "{json}");
        }
    }

    #[test]
    fn a_body_nested_without_end_is_refused() {
        let json = format!(r#"{{"firstName":{}"#, "[".repeat(100_000));
        assert_eq!(refusal(&json).1, "depth");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(parse::<Person>(b"{\"firstName\":\"\xff\"}").is_err());
        assert!(parse::<Person>(br#"{"firstName":"\ud800"}"#).is_err());
    }

    #[test]
    fn only_json_in_utf8_is_taken_for_json() {
        for accepted in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(StrictJson::<String>::check_content_type(accepted), "{accepted}");
        }
        for refused in ["", "text/json", "application/xml", "application/json; charset=latin1", "application/jsonx"] {
            assert!(!StrictJson::<String>::check_content_type(refused), "{refused}");
        }
    }
}
