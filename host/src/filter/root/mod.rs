//! A plugin's own context at run time: ticks, queues that have messages, and its end.
//!
//! Guests give `orders` from any of their instances; a `keeper` per plugin carries them out, one callback (`occasion`) at a
//! time, on the node's thread for filters (`roots`). After a failure it makes a `pause`. Where the callbacks run, and what
//! exchanges see of them, is `quarters`' concern.

pub(super) mod keeper;
pub(super) mod occasion;
pub(super) mod orders;
pub(super) mod pause;
pub(super) mod roots;
