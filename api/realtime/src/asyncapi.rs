//! The AsyncAPI document, made from the same tables as the messages: what is sent and what is described cannot differ.

use domain::role::Role;
use projections::push::{Field, FieldType, MessageKind, Push};
use serde_json::{Map, Value, json};

use super::messages::Notice;

/// Where clients connect.
pub const PATH: &str = "/api/v1/realtime";

/// Where the document of the messages is.
pub const DOCUMENT_PATH: &str = "/asyncapi.json";

/// The document.
pub fn asyncapi_document() -> Value {
    let pushes = Push::KINDS.iter().map(|kind| {
        let scope = format!("Sent to users of the facility whose role may read {}.", kind.area.name());
        let description = format!("{} {scope}", kind.message.summary);
        (kind.message.event.to_owned(), sent(&kind.message, kind.filled_in, &description))
    });
    let notices = Notice::KINDS.iter().map(|kind| (name_of_notice(kind), sent(kind, &[], kind.summary)));
    let mut messages: Map<String, Value> = pushes.chain(notices).collect();
    let from_server: Vec<Value> = messages.keys().map(|name| channel_message(name)).collect();
    messages.insert("authenticate".to_owned(), authenticate());
    let in_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "MedicalPro realtime",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happens in a practice, as it happens. A client that names the last position it saw \
                            gets every frame since, in order and once, before it goes live.",
        },
        "defaultContentType": "application/json",
        "servers": { "this": { "host": "{host}", "protocol": "ws", "variables": { "host": {
            "description": "Where the HTTP API answers, too." } } } },
        "channels": { "realtime": {
            "address": PATH,
            "description": "A WebSocket. Close codes: 4401 the token is refused or has expired, 1013 the client is \
                            too slow, 1008 it said something else than it may, 1009 too much at once, 1001 the server \
                            stops, 1011 the server failed.",
            "messages": in_channel,
        } },
        "operations": {
            "authenticate": {
                "action": "receive",
                "channel": { "$ref": "#/channels/realtime" },
                "messages": [channel_message("authenticate")],
            },
            "follow": {
                "action": "send",
                "channel": { "$ref": "#/channels/realtime" },
                "messages": from_server,
            },
        },
        "components": { "messages": messages },
    })
}

/// By what the document knows a notice. Two messages have the event `notification`, and `data.kind` tells them apart: the
/// staff's, which is an event's, and the data protection officers', which is not.
fn name_of_notice(kind: &MessageKind) -> String {
    let is_pushed_as_well = Push::KINDS.iter().any(|push| push.message.event == kind.event);
    if is_pushed_as_well { format!("{}_of_access", kind.event) } else { kind.event.to_owned() }
}

fn channel_message(name: &str) -> Value {
    json!({ "$ref": format!("#/channels/realtime/messages/{name}") })
}

/// What is filled in is not for everybody, so it is not required.
fn sent(kind: &MessageKind, filled_in: &[Field], summary: &str) -> Value {
    let fields = kind.fields.iter().chain(filled_in);
    let properties: Map<String, Value> = fields.map(|field| (field.name.to_owned(), schema(field))).collect();
    let required: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
    // An error may come before there is a position to speak of.
    let members: &[&str] = if kind.event == "error" { &["event", "data"] } else { &["event", "position", "data"] };
    json!({
        "name": kind.event,
        "summary": summary,
        "payload": {
            "type": "object",
            "required": members,
            "properties": {
                "event": { "const": kind.event },
                "position": {
                    "type": "integer", "minimum": 0,
                    "description": "The last position that the client has got with this message; the one to come back with.",
                },
                "data": { "type": "object", "required": required, "properties": properties },
            },
        },
    })
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.of {
        FieldType::Id => json!({ "type": "string", "format": "uuid" }),
        FieldType::Position => json!({ "type": "integer", "minimum": 0 }),
        FieldType::Timestamp => json!({ "type": "string", "format": "date-time" }),
        FieldType::Role => json!({ "type": "string", "enum": Role::ALL.map(Role::name) }),
        FieldType::Text => json!({ "type": "string" }),
        FieldType::FieldNames => json!({ "type": "array", "items": { "type": "string" } }),
    };
    schema["description"] = json!(field.meaning);
    schema
}

fn authenticate() -> Value {
    json!({
        "name": "authenticate",
        "summary": "The first message of a client, within 10 seconds; again, without a position, to go on with a new token.",
        "payload": {
            "type": "object",
            "required": ["type", "token"],
            "additionalProperties": false,
            "properties": {
                "type": { "const": "authenticate" },
                "token": { "type": "string", "description": "The access token." },
                "position": {
                    "type": "integer", "minimum": 0,
                    "description": "The last position that the client saw: it gets everything since.",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_server_is_in_the_document_with_its_fields() {
        let document = asyncapi_document();
        let pushes = Push::KINDS.iter().map(|kind| (kind.message.event.to_owned(), &kind.message, kind.filled_in));
        let notices = Notice::KINDS.iter().map(|kind| (name_of_notice(kind), kind, &[][..]));
        let mut described = 0;
        for (name, kind, filled_in) in pushes.chain(notices) {
            described += 1;
            let message = &document["components"]["messages"][&name];
            assert_eq!(message["payload"]["properties"]["event"]["const"], kind.event);
            let data = &message["payload"]["properties"]["data"]["properties"];
            for field in kind.fields.iter().chain(filled_in) {
                assert!(data[field.name]["description"].is_string(), "{} {}", kind.event, field.name);
            }
            assert_eq!(data.as_object().map(Map::len), Some(kind.fields.len() + filled_in.len()));
            assert!(document["operations"]["follow"]["messages"].as_array().unwrap().contains(&channel_message(&name)));
        }
        assert_eq!(
            document["components"]["messages"].as_object().map(Map::len),
            Some(described + 1),
            "none hides another"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = asyncapi_document();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        let pointer = reference.trim_start_matches('#');
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
}
