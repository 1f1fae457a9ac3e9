//! Envoy's foreign functions on filter state, which here are the properties that filters leave for each other.
//!
//! Their arguments are protocol buffers of a handful of fields (envoy: source/extensions/common/wasm/ext/*.proto), of
//! which the text fields count here. How long Envoy keeps them (its spans) has no counterpart: here it is the exchange.

use super::super::abi::Status;
use super::super::state::State;
use super::foreign_arguments::{Field, Fields};
use super::properties;

/// `SetEnvoyFilterStateArguments { string path = 1; string value = 2; LifeSpan span = 3; }`
pub(super) fn set(state: &mut State, arguments: &[u8]) -> Result<(), Status> {
    let (mut path, mut value) = (&b""[..], &b""[..]);
    for field in Fields::of(arguments) {
        match field? {
            Field { number: 1, bytes: Some(bytes) } => path = bytes,
            Field { number: 2, bytes: Some(bytes) } => value = bytes,
            _ => {}
        }
    }
    properties::leave(state, path, value)
}

/// `DeclarePropertyArguments { string name = 1; bool readonly = 2; ... }`: properties need no declaration here, and have no
/// types. What can be read is right.
pub(super) fn declare(arguments: &[u8]) -> Result<(), Status> {
    let mut named = false;
    for field in Fields::of(arguments) {
        named |= matches!(field?, Field { number: 1, bytes: Some([_, ..]) });
    }
    if named { Ok(()) } else { Err(Status::BadArgument) }
}
