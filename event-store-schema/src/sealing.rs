//! Splits an event into the part that is stored in clear and the personal part, and seals the personal part.
//!
//! [`preparing`](crate::preparing) seals; [`row`](crate::row) opens.

use domain::ids::{FacilityId, StreamId, StreamVersion};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::key_error::KeyError;
use crate::keys::SealingKey;

/// The field of an event that holds what only the patient's key may open.
const PERSONAL: &str = "personal";

/// The form of the sealed bytes, so that another cipher can come one day.
const AES_256_GCM_FORM: u8 = 1;

/// What is encrypted of one event.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct PersonalPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) personal: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl PersonalPart {
    /// Takes the personal part out of an event's fields.
    pub(crate) fn take(payload: &mut Map<String, Value>, reason: Option<&str>) -> Self {
        Self { personal: payload.remove(PERSONAL).filter(|value| !value.is_null()), reason: reason.map(str::to_owned) }
    }

    /// Puts it back.
    pub(crate) fn put_back(self, payload: &mut Map<String, Value>) -> Option<String> {
        if let Some(personal) = self.personal {
            payload.insert(PERSONAL.to_owned(), personal);
        }
        self.reason
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.personal.is_none() && self.reason.is_none()
    }
}

/// Where an event stands. Sealed content opens only in its place: not in another stream, version, type or practice.
pub(crate) struct Place<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) version: StreamVersion,
    pub(crate) event_type: &'a str,
    pub(crate) schema_version: u32,
    pub(crate) facility_id: FacilityId,
}

impl Place<'_> {
    fn context(&self) -> Vec<u8> {
        let Self { stream, version, event_type, schema_version, facility_id } = self;
        // None of the parts can hold a line feed, so no two places have the same bytes.
        format!("{facility_id}\n{stream}\n{version}\n{event_type}\n{schema_version}").into_bytes()
    }
}

/// The personal part as stored.
pub(crate) fn seal(key: &SealingKey, place: &Place<'_>, part: &PersonalPart) -> Result<Vec<u8>, KeyError> {
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(part).map_err(|_| KeyError::NotAuthentic)?);
    let mut sealed = vec![AES_256_GCM_FORM];
    sealed.extend(key.seal(&place.context(), &plain)?);
    Ok(sealed)
}

/// The personal part as it was before.
pub(crate) fn open(key: &SealingKey, place: &Place<'_>, sealed: &[u8]) -> Result<PersonalPart, KeyError> {
    let Some((&AES_256_GCM_FORM, sealed)) = sealed.split_first() else {
        return Err(KeyError::NotAuthentic);
    };
    let plain = key.open(&place.context(), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| KeyError::NotAuthentic)
}
