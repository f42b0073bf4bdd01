//! Long answers that are written as text. The library's own `Json` makes a tree of all values first, with every name in it again
//! for every document: for ten thousand documents that takes longer than everything else.

use std::marker::PhantomData;

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::ToJSON;
use serde_json::Value;

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

impl<T: Send> IntoResponse for WrittenJson<T> {
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
}
