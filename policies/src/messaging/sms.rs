//! The gateway for short messages: one POST of JSON, which the practice's operator describes by a template, for no two
//! gateways name their fields alike.

use std::time::Duration;

use domain::values::{PhoneNumber, TextValue};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use super::health::HealthLog;
use super::settings::SmsSettings;
use super::sms_body::BodyTemplate;
use super::{Cause, DeliveryError, Outgoing, SendError, SettingsError};

const CONNECTING: Duration = Duration::from_secs(10);
const ANSWERING: Duration = Duration::from_secs(60);

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
    use super::*;

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
