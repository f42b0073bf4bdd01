//! What requests say of a command: why, and which id its repetition makes.

use commands::CommandContext;
use domain::values::{Reason, TextValue};
use poem_openapi::registry::MetaSchema;
use ring::digest;
use serde_json::json;
use uuid::Uuid;

use super::declared_headers::RequestHeader;
use super::parameter::TextParameter;
use super::query::decode;
use crate::text_parameter;

/// Why something is done, where there is no body to say it in (`X-Change-Reason`): percent-encoded UTF-8.
#[derive(Clone, Debug)]
pub struct ChangeReason(Reason);

impl TextParameter for ChangeReason {
    const NAME: &'static str = "change_reason";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("Why, as percent-encoded UTF-8."),
            example: Some(json!("Dossier%20en%20double")),
            min_length: Some(1),
            max_length: Some(LONGEST_ENCODED),
            pattern: Some("^([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse_encoded_reason(text).map(Self)
    }
}

text_parameter!(ChangeReason);

impl RequestHeader for ChangeReason {
    const HEADER: &'static str = "X-Change-Reason";
    const MEANING: &'static str = "Why.";
}

/// A header of a reason is not longer than this: enough for 500 letters with accents.
pub(super) const LONGEST_ENCODED: usize = 3_000;

/// A reason as a header carries it: percent-encoded UTF-8.
pub(super) fn parse_encoded_reason(text: &str) -> Result<Reason, String> {
    let encoded = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte));
    let decoded = decode(text).filter(|_| encoded && text.len() <= LONGEST_ENCODED);
    let decoded = decoded.ok_or_else(|| "Must be percent-encoded UTF-8.".to_owned())?;
    Reason::parse(&decoded).map_err(|broken| broken.detail)
}

impl From<ChangeReason> for Reason {
    fn from(reason: ChangeReason) -> Self {
        reason.0
    }
}

/// The id of what a request makes: the same one for its repetition under the same `Idempotency-Key`.
pub fn id_of_new(context: &CommandContext) -> Uuid {
    let Some(once) = &context.idempotency else { return Uuid::now_v7() };
    let mut named = digest::Context::new(&digest::SHA256);
    named.update(once.scope.as_bytes());
    named.update(once.key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&named.finish().as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_once_has_one_id_for_each_caller_and_key() {
        let id = |scope: u128, key: &str| {
            let key = event_store_schema::IdempotencyKey {
                scope: Uuid::from_u128(scope),
                key: key.to_owned(),
                request_hash: [0; 32],
            };
            let context = CommandContext::system(domain::ids::FacilityId(Uuid::nil()));
            id_of_new(&CommandContext { idempotency: Some(key), ..context })
        };
        assert_eq!(id(1, "a"), id(1, "a"));
        assert!(id(1, "a") != id(2, "a") && id(1, "a") != id(1, "b"));
        let once = CommandContext::system(domain::ids::FacilityId(Uuid::nil()));
        assert_ne!(id_of_new(&once), id_of_new(&once), "without a key there is no repetition");
    }

    #[test]
    fn a_reason_in_a_header_is_percent_encoded() {
        let reason = ChangeReason::parse("Dossier%20cr%C3%A9%C3%A9%20deux%20fois").map(|reason| reason.0);
        assert_eq!(reason.as_ref().map(|reason| reason.as_str()), Ok("Dossier créé deux fois"));
        for text in ["%", "%FF", "%00", "%20", "", "/", "a b", "a+b", "é", &"a".repeat(501), &"%41".repeat(1001)] {
            assert!(ChangeReason::parse(text).is_err(), "{text}");
        }
    }
}
