//! From a file to a filter: a `workshop` compiles each `module` once, sees its `interests`, and tells what is wrong by a
//! `load_error`, with the guest's own `complaint`.

pub(super) mod complaint;
pub(super) mod interests;
pub(super) mod load_error;
pub(super) mod module;
pub(super) mod workshop;
