//! What an exchange holds of a filter that it has entered: its context, not an instance.
//!
//! `Plugin::admit` gives one out, `Plugin::enter` finds the instance in which the context lives, and `Plugin::leave` takes
//! the ticket back. Between two callbacks another exchange may be in that instance.

use std::sync::Arc;
use std::time::Instant;

use super::super::instance::Instance;
use super::super::state::LogBudget;
use super::mailbox::Mailbox;

pub(in crate::filter) struct Ticket {
    /// Never used by two exchanges at a time.
    pub(in crate::filter) context: u32,
    /// The berth of the worker that admitted the exchange: it stays there, whoever polls it.
    pub(in crate::filter) berth: usize,
    pub(in crate::filter) stay: Stay,
    /// From when on its callback at hand computes: now, where nothing else is known.
    pub(in crate::filter) since: Option<Instant>,
    pub(in crate::filter) log: LogBudget,
    /// Where others in a shared instance reach the context.
    pub(in crate::filter) mailbox: Option<Arc<Mailbox>>,
}

/// Where the context lives.
pub(in crate::filter) enum Stay {
    /// Nowhere yet.
    New,
    /// In the berth, or set aside there; the number tells the instance where contexts share one.
    Berth(u64),
    /// In an instance that nobody else can use as long as the exchange is under way.
    Own(Box<Instance>),
}

impl Ticket {
    pub(in crate::filter) fn new(context: u32, berth: usize) -> Self {
        Self { context, berth, stay: Stay::New, since: None, log: LogBudget::default(), mailbox: None }
    }
}
