//! The name of one request: taken from the client where it is harmless, else made here; echoed on every answer, and
//! carried into the log line and into the metadata of the events that the request causes.

use std::fmt;
use std::sync::Arc;

use poem::Request;
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header it travels in, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request. Handlers take it as `Data<&RequestId>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The client's id if there is one, and one only, of 1 to 64 letters, digits, dots, underscores or hyphens (a UUID
    /// is one); a new UUIDv7 otherwise. Anything else could forge log lines.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(X_REQUEST_ID).iter();
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(id), None) if is_harmless(id) => Self(id.into()),
            _ => Self(Uuid::now_v7().to_string().into()),
        }
    }

    /// The id that the frame gave this request.
    pub fn of_request(request: &Request) -> Option<&str> {
        request.data::<Self>().map(Self::as_str)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header's value.
    pub fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(values: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        RequestId::of(&headers)
    }

    #[test]
    fn a_harmless_id_is_kept() {
        for id in ["a", "01980a3e-0000-7000-8000-000000000001", "Web_1.2-3"] {
            assert_eq!(id_for(&[id]).as_str(), id);
        }
    }

    #[test]
    fn anything_else_gets_a_new_one() {
        let long = "x".repeat(65);
        for ids in [&[][..], &[""], &["a b"], &["é"], &[&long], &["a", "b"]] {
            assert!(Uuid::parse_str(id_for(ids).as_str()).is_ok(), "{ids:?}");
        }
    }
}
