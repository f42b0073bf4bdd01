//! A member of staff, as the API shows them. The order of the fields is the order in which they are sent.

use domain::ids::{StreamVersion, UserId};
use domain::personal::Revealed;
use domain::role::Role;
use domain::user::{Profile, User, UserStatus};
use domain::values::TextValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// A member of staff. If the personal data was erased, what is public is left, and `forgotten` says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Who.
    pub id: UserId,
    /// What they do in the practice.
    pub role: Role,
    /// Whether they can log in.
    pub status: UserStatus,
    /// The version of the file: of the last event that it shows.
    pub version: StreamVersion,
    /// When they were registered.
    pub created_at: Timestamp,
    /// When the file last changed.
    pub updated_at: Timestamp,
    /// Family name; none if it was erased, as the three that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The number in the national directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpps_number: Option<String>,
    /// The number in the older directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adeli_number: Option<String>,
    /// Codes of the reference list of specialties.
    pub specialties: Vec<String>,
    /// Whether they log in with a second factor.
    pub mfa_enabled: bool,
    /// Whether their personal data was erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
}

impl UserView {
    /// The member of staff of this id; none before the registration.
    pub fn of(
        id: UserId,
        user: &User,
        version: StreamVersion,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Option<Self> {
        fn texts<T: TextValue>(values: &[T]) -> Vec<String> {
            values.iter().map(|value| value.as_str().to_owned()).collect()
        }
        fn text<T: TextValue>(value: &T) -> String {
            value.as_str().to_owned()
        }
        let (last_name, first_name, email, phone, forgotten) = match &user.profile {
            Revealed::Value(Profile { last_name, first_name, email, phone }) => {
                (Some(text(last_name)), Some(text(first_name)), Some(text(email)), phone.as_ref().map(text), false)
            }
            Revealed::Forgotten => (None, None, None, None, true),
        };
        Some(Self {
            id,
            role: user.role?,
            status: user.status(),
            last_name,
            first_name,
            email,
            phone,
            rpps_number: user.profession.rpps_number.as_ref().map(text),
            adeli_number: user.profession.adeli_number.as_ref().map(text),
            specialties: texts(&user.profession.specialties),
            mfa_enabled: user.mfa_enabled,
            forgotten,
            version,
            created_at,
            updated_at,
        })
    }

    /// As it is sent.
    pub fn document(&self) -> Result<Box<RawValue>, serde_json::Error> {
        to_raw_value(self)
    }

    /// What they are called, first name first.
    pub fn name(&self) -> Option<String> {
        let (first, last) = (self.first_name.as_ref()?, self.last_name.as_ref()?);
        Some(format!("{first} {last}"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A doctor of whom everything is known.
    pub(in crate::users) fn anais() -> User {
        serde_json::from_value(json!({
            "role": "doctor",
            "profession": {"rppsNumber": "10002909371", "adeliNumber": "2A1234567", "specialties": ["SM54"]},
            "profile": {
                "lastName": "Le Goff", "firstName": "Anaïs", "email": "Anais.LeGoff@exemple.fr", "phone": "+33261910020",
            },
            "hasPassword": true, "mfaEnabled": true, "suspended": false,
        }))
        .expect("a member of staff")
    }

    fn view(user: &User) -> serde_json::Value {
        let (id, moment) = (UserId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        serde_json::to_value(UserView::of(id, user, StreamVersion::from(3), moment, moment)).expect("JSON")
    }

    #[test]
    fn a_member_of_staff_is_shown_without_any_secret() {
        assert_eq!(
            view(&anais()),
            json!({
                "id": "00000000-0000-0000-0000-000000000000", "role": "doctor", "status": "active",
                "lastName": "Le Goff", "firstName": "Anaïs", "email": "Anais.LeGoff@exemple.fr", "phone": "+33261910020",
                "rppsNumber": "10002909371", "adeliNumber": "2A1234567", "specialties": ["SM54"], "mfaEnabled": true,
                "version": 3, "createdAt": "1970-01-01T00:00:00Z", "updatedAt": "1970-01-01T00:00:00Z",
            })
        );
    }

    #[test]
    fn a_document_has_the_order_of_the_api_and_leads_back_to_the_view() {
        let (id, moment) = (UserId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        let view = UserView::of(id, &anais(), StreamVersion::from(3), moment, moment).unwrap();
        let document = view.document().unwrap();
        assert_eq!(
            document.get(),
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000000","role":"doctor","status":"active","version":3,"#,
                r#""createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z","lastName":"Le Goff","#,
                r#""firstName":"Anaïs","email":"Anais.LeGoff@exemple.fr","phone":"+33261910020","#,
                r#""rppsNumber":"10002909371","adeliNumber":"2A1234567","specialties":["SM54"],"mfaEnabled":true}"#
            )
        );
        assert_eq!(serde_json::from_str::<UserView>(document.get()).unwrap(), view);
        assert_eq!(view.name().as_deref(), Some("Anaïs Le Goff"));
    }

    #[test]
    fn of_a_forgotten_member_of_staff_what_is_public_is_left() {
        let forgotten = view(&User { profile: Revealed::Forgotten, suspended: true, ..anais() });
        assert_eq!(forgotten["forgotten"], json!(true));
        assert_eq!((&forgotten["status"], &forgotten["role"]), (&json!("suspended"), &json!("doctor")));
        assert!(["lastName", "firstName", "email", "phone"].iter().all(|field| forgotten.get(field).is_none()));
    }

    #[test]
    fn nobody_is_shown_before_the_registration() {
        assert_eq!(view(&User::default()), serde_json::Value::Null);
    }
}
