//! Typed settings: from the operator's configuration to the filter's own type, with faults that name their key.
//!
//! Make wrong settings impossible to hold: give a value that needs a check a type of its own, and read that with
//! [`from_text`], or read a table whose keys must fit together with [`checked`]. A fault then says where it is:
//! `settings.networks[1]: "10.0.0.0/40" ...`.
//!
//! They are read by a small JSON reader of the SDK's own, not by serde_json: that adds 33 to 43 KB of code to a module, and
//! tells a fault's line and column, where an operator who wrote TOML needs its key.

mod checked;
mod fault;
mod json;
mod parse;
mod reader;
mod token;

pub use self::checked::{checked, from_text};
pub use self::token::is_token;

pub(crate) use self::reader::read;
