//! Reads a JSON text into a tree before it is read into a type, and refuses what a type cannot refuse by itself: `null`
//! (an optional field is left out instead), keys given twice, U+0000 (which PostgreSQL cannot store), and nesting
//! without end.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::Violation;

const MAX_DEPTH: usize = 32;
const MAX_VIOLATIONS: usize = 20;

/// The tree of this JSON text, or what is wrong with it whatever its shape should be.
pub fn read(json: &[u8]) -> Result<Value, Vec<Violation>> {
    let mut walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let outcome = Step { walk: &mut walk, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|tree| deserializer.end().map(|()| tree));
    match outcome {
        Ok(tree) if walk.violations.is_empty() => Ok(tree),
        Err(error) if walk.violations.is_empty() => {
            let place = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
            Err(vec![Violation::new("", "syntax", place)])
        }
        Ok(_) | Err(_) => Err(walk.violations),
    }
}

#[derive(Default)]
struct Walk {
    path: String,
    violations: Vec<Violation>,
}

impl Walk {
    fn violation(&mut self, rule: &str, detail: &str) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation::new(self.path.clone(), rule, detail));
        }
    }

    /// Runs `visit` with the path one segment deeper.
    fn below<T>(&mut self, segment: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(segment);
        let outcome = visit(self);
        self.path.truncate(length);
        outcome
    }
}

struct Step<'a> {
    walk: &'a mut Walk,
    depth: usize,
}

impl Step<'_> {
    fn deeper(&mut self) -> Option<usize> {
        if self.depth == MAX_DEPTH {
            self.walk.violation("depth", "The body is nested too deeply.");
            return None;
        }
        Some(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        if text.contains('\0') {
            self.walk.violation("nul", "A text cannot hold U+0000.");
        }
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        self.walk.violation("null", "`null` is not accepted: leave the field out.");
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper().ok_or_else(|| A::Error::custom("depth"))?;
        let mut list = Vec::new();
        loop {
            let segment = format!("[{}]", list.len());
            match self.walk.below(&segment, |walk| items.next_element_seed(Step { walk, depth }))? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper().ok_or_else(|| A::Error::custom("depth"))?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let shown: String = key.chars().take(64).collect();
            let segment = if self.walk.path.is_empty() { shown } else { format!(".{shown}") };
            let value = self.walk.below(&segment, |walk| {
                if object.contains_key(&key) {
                    walk.violation("once", "The field is given more than once.");
                }
                entries.next_value_seed(Step { walk, depth })
            })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
