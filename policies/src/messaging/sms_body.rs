//! What is posted to a gateway for short messages, as a template: no two gateways name their fields alike.

use serde_json::Value;

/// What is posted unless something else is configured.
pub const DEFAULT_BODY: &str = r#"{"to":"{to}","text":"{text}"}"#;

/// What is posted to a gateway: JSON, in whose strings `{to}`, `{text}` and `{id}` stand for the message's.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyTemplate(Value);

impl BodyTemplate {
    /// Reads a template; none if it is no JSON object, or leaves recipient or text out.
    pub fn parse(template: &str) -> Option<Self> {
        let names = ["{to}", "{text}"];
        let object = serde_json::from_str::<Value>(template).ok().filter(Value::is_object)?;
        let named = |name: &str| {
            let mut found = false;
            each_string(&mut object.clone(), &mut |string| found |= string.contains(name));
            found
        };
        names.into_iter().all(named).then_some(Self(object))
    }

    /// The body for this message. Values are put into strings that are JSON already, and never read as part of it.
    pub(super) fn fill(&self, to: &str, text: &str, id: &str) -> Value {
        let mut body = self.0.clone();
        each_string(&mut body, &mut |string| *string = fill(string, &[("{to}", to), ("{text}", text), ("{id}", id)]));
        body
    }
}

/// Replaces names by values in one pass, so that a value which looks like a name stays as it is.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::with_capacity(template.len()), template);
    let next = |rest: &str| values.iter().filter_map(|(name, value)| Some((rest.find(name)?, *name, *value))).min();
    while let Some((at, name, value)) = next(rest) {
        filled.push_str(&rest[..at]);
        filled.push_str(value);
        rest = &rest[at + name.len()..];
    }
    filled.push_str(rest);
    filled
}

fn each_string(value: &mut Value, see: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(string) => see(string),
        Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, see)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_string(field, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_filled_in_wherever_the_template_names_a_value() {
        let template = r#"{"recipients":["{to}"],"content":{"text":"{text}","from":"CABINET"},"ref":"mp-{id}","n":1}"#;
        let body = BodyTemplate::parse(template).unwrap().fill("+33612345678", "Dr \"A\" {to}", "7");
        assert_eq!(
            body,
            json!({"recipients": ["+33612345678"], "content": {"text": "Dr \"A\" {to}", "from": "CABINET"},
                   "ref": "mp-7", "n": 1})
        );
    }

    #[test]
    fn a_template_that_leaves_the_text_out_is_none() {
        for template in ["", "[]", r#"{"to":"{to}"}"#, r#"{"text":"{text}"}"#, r#"["{to}","{text}"]"#] {
            assert_eq!(BodyTemplate::parse(template), None, "{template}");
        }
        assert!(BodyTemplate::parse(DEFAULT_BODY).is_some());
    }
}
