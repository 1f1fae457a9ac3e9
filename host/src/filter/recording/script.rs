//! What the host answered in a recorded exchange, given to the guest once more.
//!
//! To the letter for the build that was recorded: its next call must be the next one of the trace. Freely for another
//! build: what only that moment of that node could know, time and chance and shared data, is as it was then, wherever the
//! guest asks for it; everything else the host works out from the messages.

use super::trace::{Call, Called, Exchange};

/// Who answers a call.
pub(in crate::filter) enum Turn {
    Host,
    Script(Call),
    /// The guest does something else than it did: it is ended.
    Astray,
    /// It asks for something the trace cannot tell and this host must not do.
    Refused,
}

pub(in crate::filter) enum Script {
    Literal(Literal),
    Free(Free),
}

/// The calls of each callback, in order.
pub(in crate::filter) struct Literal {
    callbacks: std::vec::IntoIter<Called>,
    calls: std::vec::IntoIter<Call>,
}

/// All calls of an exchange, and whether they have been given out.
pub(in crate::filter) struct Free {
    calls: Vec<(Call, bool)>,
    /// Properties that the guest has set itself.
    own: Vec<Call>,
}

/// Calls whose answers are those of one node at one moment.
const WORLD: [&str; 13] = [
    "proxy_get_current_time_nanoseconds",
    "clock_time_get",
    "random_get",
    "proxy_get_log_level",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_resolve_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_get_metric",
    "proxy_get_status",
    "proxy_http_call",
    "proxy_get_property",
];

/// Maps and buffers that a step lends: all others are of calls.
const LENT_MAPS: [u64; 4] = [0, 1, 2, 3];
const LENT_BUFFERS: [u64; 4] = [0, 1, 6, 7];

impl Script {
    pub(in crate::filter) fn literal(exchange: &Exchange) -> Self {
        let callbacks: Vec<Called> = exchange.steps.iter().flat_map(|step| step.callbacks.clone()).collect();
        Self::Literal(Literal { callbacks: callbacks.into_iter(), calls: Vec::new().into_iter() })
    }

    pub(in crate::filter) fn free(exchange: &Exchange) -> Self {
        let callbacks = exchange.steps.iter().flat_map(|step| &step.callbacks);
        let calls = callbacks.flat_map(|called| &called.calls);
        Self::Free(Free { calls: calls.map(|call| (call.clone(), false)).collect(), own: Vec::new() })
    }

    pub(in crate::filter) fn begin_callback(&mut self) {
        if let Self::Literal(literal) = self {
            let next = literal.callbacks.next().unwrap_or_default();
            literal.calls = next.calls.into_iter();
        }
    }

    pub(in crate::filter) fn turn(&mut self, asked: &Call) -> Turn {
        match self {
            Self::Literal(literal) => match literal.calls.next() {
                Some(call) if same(&call, asked) => Turn::Script(call),
                _ => Turn::Astray,
            },
            Self::Free(free) => free.turn(asked),
        }
    }
}

impl Free {
    fn turn(&mut self, asked: &Call) -> Turn {
        if asked.name == "proxy_set_property" {
            self.own.push(asked.clone());
        }
        if !self.is_of_the_world(asked) {
            return Turn::Host;
        }
        let given = self.calls.iter().position(|(call, given)| !given && same(call, asked));
        // Asked more often than it was then, the answer is the last one.
        let found = given.or_else(|| self.calls.iter().rposition(|(call, _)| same(call, asked)));
        match found {
            Some(index) => {
                self.calls[index].1 = true;
                Turn::Script(self.calls[index].0.clone())
            }
            None if asked.name == "proxy_http_call" => Turn::Refused,
            None => Turn::Host,
        }
    }

    fn is_of_the_world(&self, asked: &Call) -> bool {
        let first = asked.numbers.first().copied().unwrap_or_default();
        match asked.name.as_str() {
            "proxy_get_property" => !self.is_at_hand(asked),
            name if name.starts_with("proxy_get_header_map") => !LENT_MAPS.contains(&first),
            name if name.starts_with("proxy_get_buffer") => !LENT_BUFFERS.contains(&first),
            name => WORLD.contains(&name),
        }
    }

    /// Whether a property is of the messages, or the guest's own: both may be others than they were.
    fn is_at_hand(&self, asked: &Call) -> bool {
        let path = |call: &Call| call.texts.first().cloned().flatten().unwrap_or_default().0;
        let asked = path(asked);
        let of_messages = [&b"request"[..], b"response"]
            .iter()
            .any(|root| asked.strip_prefix(*root).is_some_and(|rest| matches!(rest.first(), None | Some(0 | b'.'))));
        of_messages || self.own.iter().any(|set| path(set) == asked)
    }
}

/// Whether a guest makes the same call, whatever it was answered.
pub(in crate::filter) fn same(one: &Call, other: &Call) -> bool {
    (&one.name, &one.numbers, &one.texts) == (&other.name, &other.numbers, &other.texts)
}
