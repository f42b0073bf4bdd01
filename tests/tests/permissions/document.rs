//! The operations as the served OpenAPI document has them.

use reqwest::Method;
use serde_json::Value;
use system_tests::server::{Client, Server, send};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation of the document.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    /// The path as declared, without `/api/v1`.
    pub path: String,
    pub parameters: Vec<Parameter>,
    pub takes_body: bool,
    /// Where the body's schema, all references followed, has an identifier.
    pub ids_in_body: Vec<String>,
    pub permission: Value,
    /// Whether it says that it needs a fresh proof of identity.
    pub needs_step_up: bool,
    /// The chapter of the document that it stands in.
    pub chapter: String,
    /// The statuses of the refusals that it declares.
    pub refusals: Vec<String>,
    pub takes_token: bool,
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    pub is_uuid: bool,
    pub is_required: bool,
}

impl Operation {
    /// The names of its parameters in this place.
    pub fn parameters_in<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }

    /// Whether it has this header.
    pub fn declares(&self, place: &str, name: &str) -> bool {
        self.parameters_in(place).any(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// Whether this header must be there.
    pub fn requires(&self, place: &str, name: &str) -> bool {
        self.parameters_in(place).any(|parameter| parameter.name.eq_ignore_ascii_case(name) && parameter.is_required)
    }

    /// The path with these values in the place of its parameters.
    pub fn path_with(&self, value: impl Fn(&str) -> String) -> String {
        self.parameters_in("path").fold(self.path.clone(), |path, parameter| {
            path.replace(&format!("{{{}}}", parameter.name), &value(&parameter.name))
        })
    }
}

/// Every operation of the shared server.
pub async fn operations() -> Vec<Operation> {
    let document = send(Client::anonymous(Server::shared()).raw(Method::GET, "/openapi.json")).await.expect(200).body;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(item.get("parameters").is_none(), "{path}: parameters of a path are not read here");
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            operations.push(read(&document, method, path, operation));
        }
    }
    operations
}

fn read(document: &Value, method: &str, path: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = &operation["requestBody"];
    let mut ids_in_body = Vec::new();
    ids_of(document, &body["content"], "body", &mut ids_in_body);
    Operation {
        id: operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id")).to_owned(),
        method: method.to_uppercase().parse().unwrap(),
        path: path.strip_prefix("/api/v1").unwrap_or_else(|| panic!("{path} is elsewhere")).to_owned(),
        parameters: parameters.iter().map(|parameter| parameter_of(document, parameter)).collect(),
        takes_body: !body.is_null(),
        ids_in_body,
        permission: operation["x-permission"].clone(),
        needs_step_up: operation["x-step-up"] == true,
        chapter: operation["tags"][0].as_str().unwrap_or_default().to_owned(),
        refusals: operation["responses"]
            .as_object()
            .unwrap()
            .keys()
            .filter(|status| status.as_str() >= "400")
            .cloned()
            .collect(),
        takes_token: operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
    }
}

fn parameter_of(document: &Value, parameter: &Value) -> Parameter {
    let text = |field: &str| parameter[field].as_str().unwrap().to_owned();
    let mut ids = Vec::new();
    ids_of(document, &parameter["schema"], "", &mut ids);
    Parameter {
        name: text("name"),
        place: text("in"),
        is_uuid: !ids.is_empty(),
        is_required: parameter["required"] == true,
    }
}

/// Where in this part of the document identifiers are declared.
fn ids_of(document: &Value, part: &Value, at: &str, found: &mut Vec<String>) {
    if part["format"] == "uuid" {
        found.push(at.to_owned());
    }
    if let Some(reference) = part["$ref"].as_str() {
        let name = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        let schema = document.pointer(name).unwrap_or_else(|| panic!("{reference} is nowhere"));
        // A schema within itself would have no end; none of ours is.
        assert!(at.len() < 1000, "{reference} contains itself");
        ids_of(document, schema, at, found);
    }
    match part {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, part)| ids_of(document, part, &format!("{at}/{key}"), found))
        }
        Value::Array(parts) => parts.iter().for_each(|part| ids_of(document, part, at, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
