//! The OpenAPI document as it is served: the library's, with what it leaves out. It writes version 3.0.0, does not say
//! that unknown fields are refused, and lists every problem status under every operation.

use poem::http::Method;
use serde_json::{Value, json};

use super::permissions::OperationPermissions;
use super::problem::PROBLEM_JSON;

/// What the OpenAPI document calls this API.
pub(super) const TITLE: &str = "MedicalPro";

/// Two services give the same name to what is not the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} of the OpenAPI document is given twice: {name}")]
pub struct DocumentClash {
    /// The part of the document.
    pub part: &'static str,
    /// The name in it.
    pub name: String,
}

/// The documents of what is mounted, joined to one.
pub(super) struct Documents(Value);

impl Default for Documents {
    fn default() -> Self {
        Self(json!({
            "openapi": "3.1.0",
            "info": {
                "title": TITLE,
                "description": "The backend of a medical practice. Errors are explained in docs/errors.md.",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "servers": [{"url": "/"}],
            "tags": [],
            "paths": {},
            "components": {"schemas": {}, "securitySchemes": {}},
        }))
    }
}

impl Documents {
    /// Adds what another document declares.
    pub(super) fn join(&mut self, other: &Value) -> Result<(), DocumentClash> {
        for (path, methods) in members(&other["paths"]) {
            let known = &mut self.0["paths"][path];
            for (method, operation) in members(methods) {
                let name = || format!("{method} {path}");
                put(known, method, operation, false).map_err(|()| DocumentClash { part: "the path", name: name() })?;
            }
        }
        for (part, name) in [("schemas", "the schema"), ("securitySchemes", "the security scheme")] {
            for (key, declared) in members(&other["components"][part]) {
                let clash = |()| DocumentClash { part: name, name: key.clone() };
                put(&mut self.0["components"][part], key, declared, true).map_err(clash)?;
            }
        }
        for tag in other["tags"].as_array().into_iter().flatten() {
            if let Some(tags) = self.0["tags"].as_array_mut()
                && !tags.contains(tag)
            {
                tags.push(tag.clone());
                tags.sort_by(|one, other| one["name"].as_str().cmp(&other["name"].as_str()));
            }
        }
        Ok(())
    }

    /// The document as it is served.
    pub(super) fn finished(self, permissions: &OperationPermissions) -> Value {
        let mut document = self.0;
        close_request_schemas(&mut document);
        bound_unsigned_integers(&mut document);
        if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
            for (path, methods) in paths {
                // Whoever watches the server is never told to wait.
                let rated = !path.starts_with("/api/v1/health/");
                for (method, operation) in methods.as_object_mut().into_iter().flatten() {
                    drop_impossible_problems(operation, rated);
                    show_permission(method, operation, permissions);
                }
            }
        }
        document
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Puts a member into an object. One that is there already must be the same, if there may be one at all.
fn put(object: &mut Value, name: &str, value: &Value, shared: bool) -> Result<(), ()> {
    match object.get(name) {
        Some(known) if shared && known == value => Ok(()),
        Some(_) => Err(()),
        None => {
            object[name] = value.clone();
            Ok(())
        }
    }
}

/// What people read of an operation that needs a fresh proof.
const STEP_UP: &str = "Needs a proof of identity of the last five minutes (`POST auth/step-up`).";

/// Programs read who may use an operation under `x-permission`, and whether it needs a fresh proof under `x-step-up`; people
/// read both at the end of its description.
fn show_permission(method: &str, operation: &mut Value, permissions: &OperationPermissions) {
    let permission = operation["operationId"].as_str().and_then(|id| permissions.get(id));
    let Some(permission) = permission else { return };
    operation["x-permission"] = permission.document();
    let method = method.to_uppercase().parse::<Method>();
    let step_up = method.is_ok_and(|method| permission.needs_step_up(&method));
    if step_up {
        operation["x-step-up"] = true.into();
    }
    let sentences: Vec<String> = permission.sentence().into_iter().chain(step_up.then(|| STEP_UP.to_owned())).collect();
    if !sentences.is_empty() {
        let sentences = sentences.join(" ");
        let described = operation["description"].as_str().map(|text| format!("{text}\n\n{sentences}"));
        operation["description"] = described.unwrap_or(sentences).into();
    }
}

/// Request bodies refuse fields that are not declared, so their schemas say so. Answers may gain fields in time.
fn close_request_schemas(document: &mut Value) {
    let mut open: Vec<String> = Vec::new();
    if let Some(paths) = document.get("paths") {
        for operation in paths.as_object().into_iter().flat_map(|paths| paths.values()).filter_map(Value::as_object) {
            for body in operation.values().filter_map(|operation| operation.get("requestBody")) {
                collect_references(body, &mut open);
            }
        }
    }
    let mut closed: Vec<String> = Vec::new();
    while let Some(name) = open.pop() {
        if closed.contains(&name) {
            continue;
        }
        if let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}")) {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = json!(false);
            }
            collect_references(schema, &mut open);
        }
        closed.push(name);
    }
}

fn collect_references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|r| r.strip_prefix("#/components/schemas/")).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `format: uint32` means nothing to JSON Schema.
fn bound_unsigned_integers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let unsigned = members.get("format").and_then(Value::as_str).is_some_and(|name| name.starts_with("uint"));
            if unsigned && members.get("type").is_some_and(|name| name == "integer") {
                members.entry("minimum").or_insert(json!(0));
            }
            members.values_mut().for_each(bound_unsigned_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_unsigned_integers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An operation without a body cannot find it too large, one without conditions cannot find them unmet, and so on.
fn drop_impossible_problems(operation: &mut Value, rated: bool) {
    let has_parameter = |operation: &Value, place: &str, name: Option<&str>| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        parameters.into_iter().flatten().any(|parameter| {
            let named = name
                .is_none_or(|name| parameter["name"].as_str().is_some_and(|given| given.eq_ignore_ascii_case(name)));
            parameter["in"] == place && named
        })
    };
    let has_body = operation.get("requestBody").is_some();
    let secured = operation.get("security").is_some();
    let conditional = has_parameter(operation, "header", Some("If-Match"));
    let writes = has_body || conditional || has_parameter(operation, "header", Some("Idempotency-Key"));
    let possible = |status: &str| match status {
        "401" => secured || has_body,
        "403" => secured,
        "404" => has_parameter(operation, "path", None),
        "408" | "413" | "415" => has_body,
        "409" | "422" => writes,
        "412" | "428" => conditional,
        "429" => rated,
        _ => true,
    };
    let impossible: Vec<String> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(status, response)| response["content"].get(PROBLEM_JSON).is_some() && !possible(status))
        .map(|(status, _)| status.clone())
        .collect();
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        impossible.iter().for_each(|status| {
            responses.remove(status);
        });
    }
}
