//! The form of each frame: its name, its fields and what they mean, for the frames themselves and for the AsyncAPI document.

use domain::role::Area;

/// A kind of push: who may get it, and what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushKind {
    /// What somebody must be allowed to read to get it.
    pub area: Area,
    /// Its form.
    pub message: MessageKind,
    /// Members of `data` that are filled in when it is sent, for those who may see them.
    pub filled_in: &'static [Field],
}

/// The form of one kind of message on the realtime channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKind {
    /// Its name, the member `event`.
    pub event: &'static str,
    /// When it is sent.
    pub summary: &'static str,
    /// The members of `data`.
    pub fields: &'static [Field],
}

/// One member of a message's `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: FieldType,
    /// What it means.
    pub meaning: &'static str,
}

/// The types that members of `data` have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A UUID.
    Id,
    /// A position in the log.
    Position,
    /// An instant, as RFC 3339 writes it.
    Timestamp,
    /// The name of a role.
    Role,
    /// A stable name that programs may rely on, or a sentence for people.
    Text,
    /// Names of fields of the API.
    FieldNames,
}

pub(super) const PATIENT_UPDATED: PushKind = PushKind {
    area: Area::Patients,
    message: MessageKind {
        event: "patient_updated",
        summary: "A patient was registered, or something about them changed.",
        fields: &[
            Field { name: "patientId", of: FieldType::Id, meaning: "Who." },
            Field {
                name: "fieldsChanged",
                of: FieldType::FieldNames,
                meaning: "The fields that have a new value, such as `contact.phone`; of a new patient, all that are set.",
            },
        ],
    },
    filled_in: &[],
};

const APPOINTMENT: Field = Field { name: "appointmentId", of: FieldType::Id, meaning: "Which appointment." };
const CHANGES: Field =
    Field { name: "changes", of: FieldType::FieldNames, meaning: "The fields that have a new value." };
const PATIENT: Field = Field { name: "patientId", of: FieldType::Id, meaning: "Whose it is." };

pub(super) const APPOINTMENT_CREATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_created",
        summary: "A patient has an appointment.",
        fields: &[
            APPOINTMENT,
            PATIENT,
            Field { name: "practitionerId", of: FieldType::Id, meaning: "Who sees the patient." },
            Field { name: "datetime", of: FieldType::Timestamp, meaning: "When it begins." },
        ],
    },
    filled_in: &[Field {
        name: "patientName",
        of: FieldType::Text,
        meaning: "What the patient is called, for those who may read patients.",
    }],
};

pub(super) const APPOINTMENT_UPDATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_updated",
        summary: "Something about an appointment changed.",
        fields: &[APPOINTMENT, PATIENT, CHANGES],
    },
    filled_in: &[],
};

pub(super) const APPOINTMENT_CANCELLED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_cancelled",
        summary: "An appointment was called off.",
        fields: &[APPOINTMENT, PATIENT],
    },
    filled_in: &[Field { name: "reason", of: FieldType::Text, meaning: "Why, if somebody said." }],
};

pub(super) const WAITING_LIST_UPDATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "waiting_list_updated",
        summary: "Somebody joined or left the waiting list, waits for something else, or was offered a slot.",
        fields: &[
            Field { name: "waitingId", of: FieldType::Id, meaning: "Which place on the list." },
            Field { name: "patientId", of: FieldType::Id, meaning: "Who waits." },
            CHANGES,
        ],
    },
    filled_in: &[],
};

pub(super) const NOTIFICATION: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "notification",
        summary: "Something that the staff is to know; its sentence is in `GET /api/v1/notifications`.",
        fields: &[
            Field { name: "notificationId", of: FieldType::Id, meaning: "Under which it is read." },
            Field { name: "kind", of: FieldType::Text, meaning: "What it is about, as a stable name." },
            Field { name: "resourceType", of: FieldType::Text, meaning: "What kind of resource to look at." },
            Field { name: "resourceId", of: FieldType::Id, meaning: "Which." },
        ],
    },
    filled_in: &[],
};
