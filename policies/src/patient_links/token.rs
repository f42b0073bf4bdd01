//! Tokens of links: what one is about, when, and a code over it. Short, for they travel in short messages too: 50 letters.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use event_store_schema::{KeyRing, LogError};
use jiff::Timestamp;
use ring::hmac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// 128 bits: nobody finds one by trying, and a short message has room for it.
const MAC_LENGTH: usize = 16;
const CONTENT_LENGTH: usize = 1 + 16 + 4;
const LENGTH: usize = CONTENT_LENGTH + MAC_LENGTH;

/// What a link is about. The numbers stand in links that were sent: none ever gets another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// An appointment, which the patient confirms or cancels.
    Appointment = 1,
    /// A slot that is offered to a patient of the waiting list, who takes or leaves it.
    Offer = 2,
}

impl LinkKind {
    const ALL: [Self; 2] = [Self::Appointment, Self::Offer];
}

/// What a link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientLink {
    /// What it is about.
    pub kind: LinkKind,
    /// Which appointment, or which offer.
    pub id: Uuid,
    /// As of which moment: when the appointment began, or the offered slot does, as the message said. To the second.
    pub moment: Timestamp,
}

/// Makes links and knows its own; the same on every server of the house. Cheap to clone.
#[derive(Clone)]
pub struct PatientLinks {
    key: Arc<hmac::Key>,
    origin: Option<Arc<str>>,
}

impl PatientLinks {
    /// With the house's secret. `origin` is where patients reach this server, as `https://host`; without it no link is made, and those that
    /// were are still known.
    pub async fn open(keys: &KeyRing, origin: Option<&str>) -> Result<Self, LogError> {
        Ok(Self::new(&keys.secret("patient-links").await?, origin))
    }

    fn new(secret: &[u8], origin: Option<&str>) -> Self {
        Self { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)), origin: origin.map(Into::into) }
    }

    /// The address for a message; none if patients do not reach this server.
    pub fn address(&self, link: PatientLink) -> Option<String> {
        let token = self.token(link)?;
        Some(format!("{}/rdv/{token}", self.origin.as_deref()?))
    }

    /// The token of a link; none for a moment that no calendar has (after 2106, before 1970).
    fn token(&self, link: PatientLink) -> Option<String> {
        let mut bytes = [0; LENGTH];
        let (content, mac) = bytes.split_at_mut(CONTENT_LENGTH);
        content[0] = link.kind as u8;
        content[1..17].copy_from_slice(link.id.as_bytes());
        content[17..].copy_from_slice(&u32::try_from(link.moment.as_second()).ok()?.to_be_bytes());
        mac.copy_from_slice(&self.code(content));
        Some(BASE64.encode(bytes))
    }

    /// What a token says, if this house made it. What is garbled, forged or of another house is all the same.
    pub fn read(&self, token: &str) -> Option<PatientLink> {
        let mut bytes = [0; LENGTH];
        let decoded = BASE64.decode_slice(token, &mut bytes).ok()?;
        let (content, mac) = bytes.split_at(CONTENT_LENGTH);
        let authentic = bool::from(self.code(content).ct_eq(mac)) && decoded == LENGTH;
        let (kind, rest) = content.split_first()?;
        let (id, moment) = rest.split_first_chunk::<16>()?;
        let moment = u32::from_be_bytes(moment.try_into().ok()?);
        let kind = LinkKind::ALL.into_iter().find(|known| *known as u8 == *kind)?;
        authentic.then_some(PatientLink {
            kind,
            id: Uuid::from_bytes(*id),
            moment: Timestamp::from_second(moment.into()).ok()?,
        })
    }

    fn code(&self, content: &[u8]) -> [u8; MAC_LENGTH] {
        let mut code = [0; MAC_LENGTH];
        code.copy_from_slice(&hmac::sign(&self.key, content).as_ref()[..MAC_LENGTH]);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(secret: u8) -> PatientLinks {
        PatientLinks::new(&[secret; 32], Some("https://rdv.cabinet.example"))
    }

    fn link() -> PatientLink {
        let moment = "2026-11-24T08:30:00Z".parse().unwrap();
        PatientLink { kind: LinkKind::Appointment, id: Uuid::from_u128(7), moment }
    }

    #[test]
    fn a_link_is_read_back() {
        for kind in LinkKind::ALL {
            let link = PatientLink { kind, ..link() };
            let address = links(1).address(link).unwrap();
            let token = address.strip_prefix("https://rdv.cabinet.example/rdv/").unwrap();
            assert_eq!(token.len(), 50);
            assert_eq!(links(1).read(token), Some(link));
        }
        assert_eq!(PatientLinks::new(&[1; 32], None).address(link()), None);
    }

    #[test]
    fn a_forged_link_is_none() {
        let token = links(1).token(link()).unwrap();
        assert_eq!(links(2).read(&token), None, "of another house");
        let bytes = BASE64.decode(&token).unwrap();
        for place in 0..LENGTH {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            assert_eq!(links(1).read(&BASE64.encode(altered)), None, "byte {place}");
        }
        for garbled in ["", "x", &token[1..], &token[..49], &format!("{token}A"), &format!("{token}="), "é"] {
            assert_eq!(links(1).read(garbled), None, "{garbled}");
        }
    }
}
