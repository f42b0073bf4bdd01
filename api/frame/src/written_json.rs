//! JSON texts as answers: documents that are stored as they are sent, and values that are written once. The library's own
//! `Json` makes a tree of all values first, with every name in it again for every document: for ten thousand documents that
//! takes longer than everything else.

use std::marker::PhantomData;

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ToJSON, Type};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Problem;

/// The JSON text of a `T`, which declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenJson<T> {
    text: String,
    declared: PhantomData<fn() -> T>,
}

impl<T> WrittenJson<T> {
    /// This text, which is what `T` declares.
    pub const fn new(text: String) -> Self {
        Self { text, declared: PhantomData }
    }

    /// A document as it is stored, which is what `T` declares: it is neither parsed nor copied.
    pub fn stored(document: Box<RawValue>) -> Self {
        let text: Box<str> = document.into();
        Self::new(text.into())
    }

    /// What serde writes of this value, which is what `T` declares. It may hold stored documents.
    pub fn written(value: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_string(value).map(Self::new).map_err(|error| Problem::internal(&error))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T: ToJSON> From<T> for WrittenJson<T> {
    fn from(document: T) -> Self {
        Self::new(document.to_json_string())
    }
}

/// The members of an object but for one, as its text ends with them if that one stands first: `,"more":false}`.
pub fn members_besides(first: &str, object: &impl ToJSON) -> String {
    let mut members = object.to_json().unwrap_or_default();
    if let Value::Object(members) = &mut members {
        members.remove(first);
    }
    match members.to_string().strip_prefix('{') {
        Some("}") | None => "}".to_owned(),
        Some(rest) => format!(",{rest}"),
    }
}

/// For the tests of services: whether a stored text says all that `T` declares, and nothing else. The error tells how the
/// text would read as a `T`.
pub fn declares<T: ToJSON + ParseFromJSON>(text: &str) -> Result<(), String> {
    let stored: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let declared = T::parse_from_json(Some(stored.clone())).map_err(ParseError::into_message)?.to_json();
    if declared.as_ref() == Some(&stored) { Ok(()) } else { Err(declared.unwrap_or_default().to_string()) }
}

impl<T: Type> Payload for WrittenJson<T> {
    const CONTENT_TYPE: &'static str = <Json<T> as Payload>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T> IntoResponse for WrittenJson<T> {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, Json::<String>::CONTENT_TYPE).body(self.text)
    }
}

impl<T: ToJSON> ApiResponse for WrittenJson<T> {
    fn meta() -> MetaResponses {
        Json::<T>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<T> as ApiResponse>::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_behind_the_first_member_makes_the_object_whole() {
        for object in [json!({"id": 1}), json!({"id": 1, "more": "\"{"})] {
            let written = format!(r#"{{"id":1{}"#, members_besides("id", &object));
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), object);
        }
    }

    #[test]
    fn a_stored_document_is_sent_as_it_is() {
        let text = r#"{"b":1, "a":"é"}"#;
        let stored = RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(WrittenJson::<Value>::stored(stored.clone()).as_str(), text);
        assert_eq!(WrittenJson::<Value>::written(&[stored]).unwrap().as_str(), format!("[{text}]"));
    }
}
