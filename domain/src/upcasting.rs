//! Old schema versions of events, brought to the current one when they are read. What is stored is never rewritten.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};

/// The chain of upcasters, oldest step first for each event type. No event has had a second schema version yet; the
/// first one adds its step here and keeps its golden file of version 1.
#[derive(Default)]
pub struct Upcasters(Vec<Box<dyn EventUpcaster>>);

impl Upcasters {
    /// The chain of this release.
    pub fn current() -> Self {
        Self::default()
    }

    /// A chain of the given steps.
    pub fn of(steps: Vec<Box<dyn EventUpcaster>>) -> Self {
        Self(steps)
    }

    /// Content and schema version of an event after all steps that apply to it.
    pub fn upcast(
        &self,
        event_type: &str,
        schema_version: u32,
        payload: serde_json::Value,
    ) -> (u32, serde_json::Value) {
        let version = schema_version.to_string();
        if !self.0.iter().any(|step| step.can_upcast(event_type, &version)) {
            return (schema_version, payload);
        }
        let stored = SerializedEvent::new(
            String::new(),
            0,
            String::new(),
            event_type.to_owned(),
            version,
            payload,
            serde_json::Value::Null,
        );
        let current = self.0.iter().fold(stored, |event, step| {
            if step.can_upcast(&event.event_type, &event.event_version) { step.upcast(event) } else { event }
        });
        let major = current.event_version.split('.').next().unwrap_or_default();
        (major.parse().unwrap_or(schema_version), current.payload)
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::persist::SemanticVersionEventUpcaster;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_old_event_is_brought_through_every_later_version() {
        let step = |version: &str, field: &'static str| {
            Box::new(SemanticVersionEventUpcaster::new(
                "DoorOpened",
                version,
                Box::new(move |mut payload| {
                    payload[field] = json!(true);
                    payload
                }),
            )) as Box<dyn EventUpcaster>
        };
        let chain = Upcasters::of(vec![step("2", "second"), step("3", "third")]);
        assert_eq!(chain.upcast("DoorOpened", 1, json!({})), (3, json!({"second": true, "third": true})));
        assert_eq!(chain.upcast("DoorOpened", 2, json!({})), (3, json!({"third": true})));
        assert_eq!(chain.upcast("DoorOpened", 3, json!({})), (3, json!({})));
        assert_eq!(chain.upcast("WindowOpened", 1, json!({})), (1, json!({})));
    }
}
