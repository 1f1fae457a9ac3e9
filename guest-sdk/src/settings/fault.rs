//! What is wrong with settings, and where: the path of the key grows from the inside out while readers give up.
//!
//! serde's own words for a fault are used but for numbers with a point, as its way to write them is 8 KB of code.

use std::fmt::{self, Display, Formatter};

use serde::de::{Error, Expected, Unexpected};

/// A fault in settings. Boxed, as every reader's result carries one.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    message: String,
    /// From the innermost step outwards.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Fault {
    pub(super) fn new(message: String) -> Self {
        Self(Box::new(Parts { message, path: Vec::new() }))
    }

    /// The same fault, in what stands under `key`.
    pub(super) fn under(mut self, key: &str) -> Self {
        self.0.path.push(Step::Key(key.to_owned()));
        self
    }

    /// The same fault, in the item at `index`.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.0.path.push(Step::Index(index));
        self
    }

    fn of(parts: &[&str]) -> Self {
        Self::new(parts.concat())
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("settings")?;
        for step in self.0.path.iter().rev() {
            match step {
                Step::Key(key) => write!(formatter, ".{key}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        write!(formatter, ": {}", self.0.message)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::of(&["invalid type: ", &name(found), ", expected ", &expected.to_string()])
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::of(&["invalid value: ", &name(found), ", expected ", &expected.to_string()])
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::of(&["invalid length ", &length.to_string(), ", expected ", &expected.to_string()])
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::of(&["unknown variant `", variant, "`, ", &one_of(known, "variants")])
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::of(&["unknown field `", field, "`, ", &one_of(known, "fields")])
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(&["missing field `", field, "`"])
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(&["duplicate field `", field, "`"])
    }
}

/// What was found; JSON has no more kinds than these.
fn name(found: Unexpected) -> String {
    match found {
        Unexpected::Bool(value) => ["boolean `", if value { "true" } else { "false" }, "`"].concat(),
        Unexpected::Unsigned(value) => ["integer `", &value.to_string(), "`"].concat(),
        Unexpected::Signed(value) => ["integer `", &value.to_string(), "`"].concat(),
        Unexpected::Float(_) => "a number with a point".into(),
        Unexpected::Str(text) => ["string \"", text, "\""].concat(),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "sequence".into(),
        Unexpected::Map => "map".into(),
        Unexpected::Other(other) => other.into(),
        _ => "another kind of value".into(),
    }
}

fn one_of(known: &[&str], kind: &str) -> String {
    match known {
        [] => ["there are no ", kind].concat(),
        [only] => ["expected `", only, "`"].concat(),
        [first, second] => ["expected `", first, "` or `", second, "`"].concat(),
        _ => ["expected one of `", &known.join("`, `"), "`"].concat(),
    }
}
