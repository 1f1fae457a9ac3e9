//! What an exchange holds of a filter that it has entered: its context, not an instance.
//!
//! `Plugin::admit` gives one out, `Plugin::enter` finds the instance in which the context lives, and `Plugin::leave` takes
//! the ticket back. Between two callbacks another exchange may be in that instance.

use super::instance::Instance;
use super::state::LogBudget;

pub(super) struct Ticket {
    /// Never used by two exchanges at a time.
    pub(super) context: u32,
    /// The instance that this exchange has to itself, where it cannot share one.
    pub(super) own: Option<Box<Instance>>,
    pub(super) log: LogBudget,
}

impl Ticket {
    pub(super) fn new(context: u32) -> Self {
        Self { context, own: None, log: LogBudget::default() }
    }
}
