//! What client and server say to each other besides the frames of events: the first message of a client, and the
//! server's own notices.

use domain::ids::{FacilityId, PatientId, Position, UserId};
use domain::role::Role;
use projections::push::{Field, FieldType, MessageKind};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// The one message a client sends: first of all, and again to go on with a new token.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authenticate {
    #[serde(rename = "type")]
    _type: AuthenticateTag,
    /// The access token.
    pub(super) token: String,
    /// The last position that the client saw, to get everything since.
    #[serde(default, deserialize_with = "not_null")]
    pub(super) position: Option<Position>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthenticateTag {
    Authenticate,
}

/// As everywhere in the API, what is not meant is left out.
fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Position>, D::Error> {
    Position::deserialize(deserializer).map(Some)
}

impl Authenticate {
    /// The message, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// What the server says by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum Notice {
    /// The token is accepted.
    Ready {
        /// Whose it is.
        user_id: UserId,
        /// Where they work.
        facility_id: FacilityId,
        /// As what.
        role: Role,
        /// Frames up to here are of the past, those after it come as they happen.
        live_from: Position,
    },
    /// Why the server closes the socket.
    Error {
        /// As in the problem answers of the API where it means the same.
        code: &'static str,
        /// A sentence.
        detail: &'static str,
    },
    /// The client is too slow, and is cut off.
    SlowConsumer {
        /// A sentence.
        detail: &'static str,
    },
    /// Somebody of the practice connected.
    UserConnected {
        /// Who.
        user_id: UserId,
        /// As what.
        role: Role,
    },
    /// Somebody of the practice is not connected any more.
    UserDisconnected {
        /// Who.
        user_id: UserId,
        /// As what.
        role: Role,
    },
    /// Something that this user is to know at once.
    Notification {
        /// What kind of thing.
        kind: &'static str,
        /// Where it stands in the trail of accesses.
        access_position: u64,
        /// Who did it.
        actor_id: UserId,
        /// Whose data it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        patient_id: Option<PatientId>,
        /// What was opened.
        resource_type: String,
    },
    /// What this user tried to change had changed since they read it.
    ConflictDetected {
        /// What kind of resource it is.
        resource_type: String,
        /// Which.
        resource_id: Uuid,
        /// The fields that have another value now.
        fields: Vec<String>,
    },
}

impl Notice {
    /// Every kind of notice there is, for the AsyncAPI document.
    pub(super) const KINDS: &'static [MessageKind] =
        &[READY, ERROR, SLOW_CONSUMER, USER_CONNECTED, USER_DISCONNECTED, NOTIFICATION, CONFLICT_DETECTED];

    /// The notice as a client gets it. `position` is the last one that the client has certainly got, so that remembering
    /// it never skips a frame.
    pub(super) fn to_json(&self, position: Option<Position>) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Unparsed<'a> {
            #[serde(flatten)]
            notice: &'a Notice,
            #[serde(skip_serializing_if = "Option::is_none")]
            position: Option<Position>,
        }
        serde_json::to_string(&Unparsed { notice: self, position })
    }
}

const DETAIL: Field = Field { name: "detail", of: FieldType::Text, meaning: "A sentence for people." };
const USER: Field = Field { name: "userId", of: FieldType::Id, meaning: "Who." };
const ROLE: Field = Field { name: "role", of: FieldType::Role, meaning: "As what." };

const READY: MessageKind = MessageKind {
    event: "ready",
    summary: "The token is accepted. Frames after `position` follow.",
    fields: &[
        USER,
        Field { name: "facilityId", of: FieldType::Id, meaning: "The practice whose frames come." },
        ROLE,
        Field {
            name: "liveFrom",
            of: FieldType::Position,
            meaning: "Frames up to here are of the past, those after it come as they happen.",
        },
    ],
};

const ERROR: MessageKind = MessageKind {
    event: "error",
    summary: "Why the server closes the socket; the last message before it does.",
    fields: &[Field { name: "code", of: FieldType::Text, meaning: "A stable name, such as `token_expired`." }, DETAIL],
};

const SLOW_CONSUMER: MessageKind = MessageKind {
    event: "slow_consumer",
    summary: "More frames wait than are queued for one client. Connect again with `position`: nothing is lost.",
    fields: &[DETAIL],
};

const USER_CONNECTED: MessageKind = MessageKind {
    event: "user_connected",
    summary: "Somebody else of the practice connected. Sent to those who may read users; not part of the log.",
    fields: &[USER, ROLE],
};

const USER_DISCONNECTED: MessageKind = MessageKind {
    event: "user_disconnected",
    summary: "Somebody else of the practice is not connected any more. As `user_connected`.",
    fields: &[USER, ROLE],
};

const NOTIFICATION: MessageKind = MessageKind {
    event: "notification",
    summary: "Somebody opened the clinical part of a restricted patient. Sent to data protection officers; the reason is in \
              `GET /api/v1/audit/access`. Not part of the log.",
    fields: &[
        Field { name: "kind", of: FieldType::Text, meaning: "`break_glass`." },
        Field { name: "accessPosition", of: FieldType::Position, meaning: "Its place in the trail of accesses." },
        Field { name: "actorId", of: FieldType::Id, meaning: "Who opened it." },
        Field { name: "patientId", of: FieldType::Id, meaning: "Whose it is." },
        Field { name: "resourceType", of: FieldType::Text, meaning: "What was opened." },
    ],
};

const CONFLICT_DETECTED: MessageKind = MessageKind {
    event: "conflict_detected",
    summary: "What this user tried to change had changed since they read it (412). Sent to all screens of that user; not part of \
              the log.",
    fields: &[
        Field {
            name: "resourceType",
            of: FieldType::Text,
            meaning: "What kind of resource it is, such as `appointment`.",
        },
        Field { name: "resourceId", of: FieldType::Id, meaning: "Which." },
        Field { name: "fields", of: FieldType::FieldNames, meaning: "The fields that have another value now." },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_name_a_position_or_leave_it_out() {
        let with = Authenticate::parse(r#"{"type":"authenticate","token":"t","position":7}"#).unwrap();
        assert_eq!((with.token.as_str(), with.position), ("t", Some(Position::from(7))));
        let without = Authenticate::parse(r#"{"token":"t","type":"authenticate"}"#).unwrap();
        assert_eq!(without.position, None);
    }

    #[test]
    fn whatever_else_a_client_says_is_refused() {
        for text in [
            "",
            "hello",
            "[]",
            r#"{"type":"authenticate"}"#,
            r#"{"token":"t"}"#,
            r#"{"type":"subscribe","token":"t"}"#,
            r#"{"type":"authenticate","token":7}"#,
            r#"{"type":"authenticate","token":"t","extra":1}"#,
            r#"{"type":"authenticate","token":"t","token":"u"}"#,
            r#"{"type":"authenticate","token":"t","position":null}"#,
            r#"{"type":"authenticate","token":"t","position":-1}"#,
            r#"{"type":"authenticate","token":"t","position":1.5}"#,
            r#"{"type":"authenticate","token":"t","position":"7"}"#,
            r#"{"type":"authenticate","token":"t"} x"#,
        ] {
            assert_eq!(Authenticate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_table_of_kinds_says_what_is_sent() {
        let (user_id, role) = (UserId(Uuid::from_u128(1)), Role::Nurse);
        let facility_id = FacilityId(Uuid::from_u128(2));
        let notices = [
            Notice::Ready { user_id, facility_id, role, live_from: Position::from(3) },
            Notice::Error { code: "x", detail: "y" },
            Notice::SlowConsumer { detail: "y" },
            Notice::UserConnected { user_id, role },
            Notice::UserDisconnected { user_id, role },
            Notice::Notification {
                kind: "break_glass",
                access_position: 7,
                actor_id: user_id,
                patient_id: Some(PatientId(Uuid::from_u128(4))),
                resource_type: "medical_record".to_owned(),
            },
            Notice::ConflictDetected {
                resource_type: "appointment".to_owned(),
                resource_id: Uuid::from_u128(5),
                fields: vec!["startTime".to_owned()],
            },
        ];
        assert_eq!(notices.len(), Notice::KINDS.len());
        for (notice, kind) in notices.iter().zip(Notice::KINDS) {
            let wire: serde_json::Value = serde_json::from_str(&notice.to_json(None).unwrap()).unwrap();
            assert_eq!(wire["event"], kind.event);
            let mut declared: Vec<_> = kind.fields.iter().map(|field| field.name).collect();
            declared.sort_unstable();
            let sent: Vec<_> = wire["data"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(sent, declared, "{}", kind.event);
        }
    }
}
