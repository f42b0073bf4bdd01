//! The gateway for short messages: one POST of JSON, which the practice's operator describes by a template, for no two
//! gateways name their fields alike.

use std::time::Duration;

use domain::values::{PhoneNumber, TextValue};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;
use url::Url;

use super::health::HealthLog;
use super::settings::SmsSettings;
use super::{Cause, DeliveryError, Outgoing, SendError, SettingsError};

/// What is posted unless something else is configured.
pub const DEFAULT_BODY: &str = r#"{"to":"{to}","text":"{text}"}"#;

const CONNECTING: Duration = Duration::from_secs(10);
const ANSWERING: Duration = Duration::from_secs(60);

/// What is posted to a gateway: JSON, in whose strings `{to}`, `{text}` and `{id}` stand for the message's.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyTemplate(Value);

impl BodyTemplate {
    /// Reads a template; none if it is no JSON object, or leaves recipient or text out.
    pub fn parse(template: &str) -> Option<Self> {
        let names = ["{to}", "{text}"];
        let object = serde_json::from_str::<Value>(template).ok().filter(Value::is_object)?;
        let named = |name: &str| {
            let mut found = false;
            each_string(&mut object.clone(), &mut |string| found |= string.contains(name));
            found
        };
        names.into_iter().all(named).then_some(Self(object))
    }

    /// The body for this message. Values are put into strings that are JSON already, and never read as part of it.
    fn fill(&self, to: &str, text: &str, id: &str) -> Value {
        let mut body = self.0.clone();
        each_string(&mut body, &mut |string| *string = fill(string, &[("{to}", to), ("{text}", text), ("{id}", id)]));
        body
    }
}

/// Replaces names by values in one pass, so that a value which looks like a name stays as it is.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::with_capacity(template.len()), template);
    let next = |rest: &str| values.iter().filter_map(|(name, value)| Some((rest.find(name)?, *name, *value))).min();
    while let Some((at, name, value)) = next(rest) {
        filled.push_str(&rest[..at]);
        filled.push_str(value);
        rest = &rest[at + name.len()..];
    }
    filled.push_str(rest);
    filled
}

fn each_string(value: &mut Value, see: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(string) => see(string),
        Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, see)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_string(field, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The gateway.
pub(super) struct SmsGateway {
    client: Client,
    url: Url,
    body: BodyTemplate,
    pub(super) health: HealthLog,
}

impl SmsGateway {
    pub(super) fn new(settings: SmsSettings) -> Result<Self, SettingsError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = settings.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", *token));
            let mut bearer = bearer.map_err(|_| SettingsError::SmsToken)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("MedicalPro/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECTING)
            .timeout(ANSWERING)
            // A message goes where the operator said, and nowhere else.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| SettingsError::Tls)?;
        Ok(Self { client, url: settings.url, body: settings.body, health: HealthLog::default() })
    }

    pub(super) async fn send<E>(
        &self,
        outgoing: &Outgoing,
        to: &PhoneNumber,
        handing_over: impl Future<Output = Result<(), E>>,
    ) -> Result<(), SendError<E>> {
        let id = outgoing.id.to_string();
        let body = self.body.fill(to.as_str(), &outgoing.text, &id);
        let request = self.client.post(self.url.clone()).header("Idempotency-Key", id).json(&body);
        handing_over.await.map_err(SendError::HandingOver)?;
        match request.send().await {
            Ok(answer) => Ok(judge(answer.status())?),
            Err(error) if error.is_connect() => Err(DeliveryError::Transient(Cause::Unreachable).into()),
            Err(error) if error.is_timeout() => Err(DeliveryError::Unknown(Cause::TimedOut).into()),
            Err(_) => Err(DeliveryError::Unknown(Cause::ConnectionLost).into()),
        }
    }
}

/// What an answer says of the message. Only 400, 410, 413 and 422 speak of the message itself; what else a gateway refuses
/// is about us, and one that failed while working on it may have sent it or not.
fn judge(status: StatusCode) -> Result<(), DeliveryError> {
    let cause = Cause::Refused(status.as_u16());
    match status.as_u16() {
        200..=299 => Ok(()),
        400 | 410 | 413 | 422 => Err(DeliveryError::Permanent(cause)),
        409 | 500 | 502 | 504 => Err(DeliveryError::Unknown(cause)),
        401 | 403 => Err(DeliveryError::Transient(Cause::Login)),
        _ => Err(DeliveryError::Transient(cause)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_filled_in_wherever_the_template_names_a_value() {
        let template = r#"{"recipients":["{to}"],"content":{"text":"{text}","from":"CABINET"},"ref":"mp-{id}","n":1}"#;
        let body = BodyTemplate::parse(template).unwrap().fill("+33612345678", "Dr \"A\" {to}", "7");
        assert_eq!(
            body,
            json!({"recipients": ["+33612345678"], "content": {"text": "Dr \"A\" {to}", "from": "CABINET"},
                   "ref": "mp-7", "n": 1})
        );
    }

    #[test]
    fn a_template_that_leaves_the_text_out_is_none() {
        for template in ["", "[]", r#"{"to":"{to}"}"#, r#"{"text":"{text}"}"#, r#"["{to}","{text}"]"#] {
            assert_eq!(BodyTemplate::parse(template), None, "{template}");
        }
        assert!(BodyTemplate::parse(DEFAULT_BODY).is_some());
    }

    #[test]
    fn an_answer_tells_whether_the_message_can_be_there() {
        let judged = |status| judge(StatusCode::from_u16(status).unwrap());
        assert_eq!(judged(202), Ok(()));
        assert_eq!(judged(422), Err(DeliveryError::Permanent(Cause::Refused(422))));
        assert_eq!(judged(503), Err(DeliveryError::Transient(Cause::Refused(503))));
        assert_eq!(judged(302), Err(DeliveryError::Transient(Cause::Refused(302))));
        assert_eq!(judged(401), Err(DeliveryError::Transient(Cause::Login)));
        assert_eq!(judged(502), Err(DeliveryError::Unknown(Cause::Refused(502))));
    }
}
