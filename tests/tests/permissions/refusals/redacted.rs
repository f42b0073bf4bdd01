//! Answers without what is different each time.

use serde_json::Value;

/// What is different each time, and what stands in its place: `9` is a digit, `x` a hexadecimal one.
const PATTERNS: [(&str, &str); 6] = [
    ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "[id]"),
    ("9999-99-99T99:99:99", "[time]"),
    ("9999-99-99T99:99", "[time]"),
    ("9999-99-99", "[date]"),
    ("P999999", "[number]"),
    // What is left of an instant.
    ("[time].999999999", "[time]"),
];

fn matches(text: &[char], pattern: &str) -> bool {
    let fits = |(have, want): (&char, char)| match want {
        '9' => have.is_ascii_digit(),
        'x' => have.is_ascii_hexdigit(),
        want => *have == want,
    };
    text.len() >= pattern.chars().count() && text.iter().zip(pattern.chars()).all(fits)
}

fn without_occasion(text: &str) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (pattern, instead) in PATTERNS {
        let mut place = 0;
        while place < text.len() {
            if matches(&text[place..], pattern) {
                text.splice(place..place + pattern.chars().count(), instead.chars());
            }
            place += 1;
        }
    }
    text.into_iter().collect()
}

/// The same without identifiers, times, and what names the request.
pub fn redacted(body: &Value) -> Value {
    match body {
        Value::String(text) => Value::String(without_occasion(text)),
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| match name.as_str() {
                "requestId" => (name.clone(), Value::String("[request]".to_owned())),
                _ => (name.clone(), redacted(value)),
            };
            members.iter().map(member).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    }
}

#[test]
fn what_is_different_each_time_is_left_out() {
    let answer = serde_json::json!({
        "instance": "/api/v1/users/0198a000-0000-7000-8000-00000000000a/suspend", "requestId": "abc", "status": 409,
        "detail": "P260001 comes on 2026-11-23 from 2026-11-23T09:00:00+01:00 until 2026-11-23T10:00.",
    });
    let expected = serde_json::json!({
        "instance": "/api/v1/users/[id]/suspend", "requestId": "[request]", "status": 409,
        "detail": "[number] comes on [date] from [time]+01:00 until [time].",
    });
    assert_eq!(redacted(&answer), expected);
}
