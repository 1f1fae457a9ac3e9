//! A look at a module without running it: `inspector` holds its imports against the host calls, its exports against the
//! `callbacks` of the ABI and its `makeup` against the limits, and tells its `findings`.

mod callbacks;
mod findings;
mod inspector;
mod makeup;

#[cfg(test)]
mod tests;

pub use findings::{Import, ModuleFault, Offered, Standing};
pub use inspector::Inspection;
