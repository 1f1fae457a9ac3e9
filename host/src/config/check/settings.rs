//! `[filters.NAME.settings]`: a table of any shape, handed to the filter as JSON text.
//!
//! Strings in it read the environment like all others. TOML's dates become strings, because JSON has none; its
//! infinities are refused for the same reason. A string in place of the table goes to the filter as it is.

use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeValue};

use crate::config::field::Field;

/// The text that the filter will be configured with.
pub(super) fn text(field: &Field<'_>) -> Option<String> {
    match field.value() {
        DeValue::String(_) => field.text(),
        DeValue::Table(_) => json(field).map(|value| value.to_string()),
        _ => field.mistyped("a table or a string"),
    }
}

fn json(field: &Field<'_>) -> Option<Value> {
    match field.value() {
        DeValue::String(_) => field.text().map(Value::String),
        DeValue::Integer(integer) => number(integer).map(Value::Number).or_else(|| unfit(field, integer.as_str())),
        DeValue::Float(float) => {
            let value = float.as_str().parse().ok().and_then(Number::from_f64);
            value.map(Value::Number).or_else(|| unfit(field, float.as_str()))
        }
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Datetime(value) => Some(Value::String(value.to_string())),
        DeValue::Array(_) => array(field),
        DeValue::Table(_) => object(field),
    }
}

/// Every element is read, also after a faulty one.
fn array(field: &Field<'_>) -> Option<Value> {
    let elements: Vec<_> = field.elements()?.iter().map(json).collect();
    elements.into_iter().collect::<Option<_>>().map(Value::Array)
}

fn object(field: &Field<'_>) -> Option<Value> {
    let members: Vec<_> = field.members()?.iter().map(|(key, member)| Some((key.clone(), json(member)?))).collect();
    members.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// JSON readers hold what fits 64 bits.
fn number(integer: &DeInteger<'_>) -> Option<Number> {
    let value = i128::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    i64::try_from(value).map(Number::from).or_else(|_| u64::try_from(value).map(Number::from)).ok()
}

fn unfit(field: &Field<'_>, written: &str) -> Option<Value> {
    field.fault(format!("{written} cannot be written in JSON, which filters read; write a finite number of 64 bits"));
    None
}
