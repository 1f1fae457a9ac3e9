//! `${NAME}` in strings: the environment, read while the file is read.
//!
//! `${NAME:-default}` stands for `default` where the variable is unset or empty, as in a shell, and `$${` for the two
//! characters `${`. A `$` before anything else is a `$`. `field` calls this on every string of the file.

use thiserror::Error;

#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum VariableError {
    #[error("the environment variable {0} is not set; set it, or write ${{{0}:-default}}")]
    Unset(String),
    #[error("{0:?} is not the name of an environment variable; write $${{ for a literal ${{")]
    Misnamed(String),
    #[error("${{ is not closed; write ${{NAME}}, or $${{ for a literal ${{")]
    Open,
}

/// `text` with its variables replaced by what `environment` holds. What is put in is not expanded again.
pub(super) fn expand(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<String, VariableError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, opened) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = opened;
            continue;
        }
        let (inside, after) = opened.split_once('}').ok_or(VariableError::Open)?;
        expanded.push_str(before);
        expanded.push_str(&value(inside, &environment)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn value(inside: &str, environment: impl Fn(&str) -> Option<String>) -> Result<String, VariableError> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_variable_name(name) {
        return Err(VariableError::Misnamed(name.to_owned()));
    }
    match (environment(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(VariableError::Unset(name.to_owned())),
    }
}

/// POSIX: letters, digits and underscores, no digit first.
fn is_variable_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "SITE" => Some("/srv".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${SITE}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_wherever_they_stand() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("${SITE}", "/srv"),
            ("a${SITE}b${SITE}c", "a/srvb/srvc"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${NONE:-}", ""),
            ("${NONE:-a:-b}", "a:-b"),
            ("${SITE:-x}", "/srv"),
            ("${NESTED}", "${SITE}"),
            ("$${SITE}", "${SITE}"),
            ("a$${b", "a${b"),
            ("$1 costs $", "$1 costs $"),
            ("$$", "$$"),
        ] {
            assert_eq!(expand(text, environment).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_said() {
        for (text, expected) in [
            ("${NONE}", VariableError::Unset("NONE".to_owned())),
            ("${}", VariableError::Misnamed(String::new())),
            ("${1}", VariableError::Misnamed("1".to_owned())),
            ("${A-B}", VariableError::Misnamed("A-B".to_owned())),
            ("${SITE", VariableError::Open),
        ] {
            assert_eq!(expand(text, environment), Err(expected), "{text}");
        }
        let unset = VariableError::Unset("A".to_owned()).to_string();
        assert_eq!(unset, "the environment variable A is not set; set it, or write ${A:-default}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), tail in "[$:{}A-]{0,12}") {
            let _ = expand(&(text + &tail), environment);
        }
    }
}
