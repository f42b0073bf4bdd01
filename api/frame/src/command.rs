//! From a request to the context of a command: who acts, from where, under which conditions, and why.

use commands::CommandContext;
use domain::values::{Reason, TextValue};
use poem::Request;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::ToJSON;
use ring::digest;
use serde_json::json;
use uuid::Uuid;

use super::auth::Caller;
use super::client_address::ClientAddress;
use super::conditional::IfMatch;
use super::parameter::{IdempotencyKey, TextParameter};
use super::query::decode;
use super::request_id::RequestId;
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

/// The context of what this caller asks for in this request, to be completed by what the operation knows.
pub fn command_context(caller: &Caller, request: &Request, reason: Option<&Reason>) -> CommandContext {
    CommandContext {
        actor: caller.actor(),
        facility_id: caller.facility_id,
        client_address: ClientAddress::of(request).map(|address| address.to_string()),
        request_id: RequestId::of_request(request).map(str::to_owned),
        correlation_id: Uuid::now_v7(),
        causation_id: None,
        reason: reason.map(|reason| reason.as_str().to_owned()),
        idempotency: None,
        if_match: None,
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

/// What an operation adds to the context of a command.
pub trait UnderConditions {
    /// Only if the resource is at a version that the client names.
    #[must_use]
    fn if_match(self, condition: Option<IfMatch>) -> Self;

    /// Once only, if the client gave a key: a repetition asks the same of the same address with the same body.
    #[must_use]
    fn once(self, key: Option<&IdempotencyKey>, request: &Request, body: &impl ToJSON) -> Self;
}

impl UnderConditions for CommandContext {
    fn if_match(mut self, condition: Option<IfMatch>) -> Self {
        self.if_match = condition.and_then(|condition| condition.versions());
        self
    }

    fn once(mut self, key: Option<&IdempotencyKey>, request: &Request, body: &impl ToJSON) -> Self {
        self.idempotency = key.map(|key| {
            let mut asked = digest::Context::new(&digest::SHA256);
            asked.update(request.method().as_str().as_bytes());
            asked.update(b" ");
            asked.update(request.original_uri().path().as_bytes());
            asked.update(b"\n");
            asked.update(body.to_json_string().as_bytes());
            let mut request_hash = [0; 32];
            request_hash.copy_from_slice(asked.finish().as_ref());
            event_store_schema::IdempotencyKey {
                scope: self.actor.user_id.0,
                key: key.as_str().to_owned(),
                request_hash,
            }
        });
        self
    }
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
