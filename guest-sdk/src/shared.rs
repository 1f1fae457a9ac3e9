//! Data that all exchanges share, on every worker of the proxy: keys with values, and queues.
//!
//! What a filter keeps in itself is gone with the exchange; what it keeps here stays until the proxy needs the room. A
//! value comes with its [`Cas`], a number that changes with it: [`set_if`] writes only where nobody wrote in between.
//!
//! ```
//! use forebay_sdk::prelude::*;
//! use forebay_sdk::rehearsal::{get, rehearse};
//! use forebay_sdk::shared;
//!
//! struct Few;
//!
//! impl Filter for Few {
//!     type Settings = ();
//!     fn new((): ()) -> Self { Self }
//!     fn on_request(&self, _: &mut Request) -> Flow {
//!         let seen = shared::update("seen", |seen| vec![seen.first().map_or(1, |seen| seen.saturating_add(1))]);
//!         if seen.is_ok_and(|seen| seen[0] > 2) { Flow::reply(429) } else { Flow::Continue }
//!     }
//! }
//!
//! # fn main() -> Result<(), String> {
//! let few = rehearse::<Few>("")?;
//! let answered = [(); 3].map(|()| few.request(get("http://shop.example/")).reply().is_some());
//! assert_eq!(answered, [false, false, true]);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use crate::host::calls;

pub use crate::host::{Cas, Fault};

/// How often [`update`] tries again where others write at the same time.
const TRIES_MAX: usize = 16;

/// The value of a key, and which write it is from.
///
/// ```
/// # use forebay_sdk::shared;
/// assert_eq!(shared::get("unknown"), None);
/// shared::set("known", "a")?;
/// assert!(shared::get("known").is_some_and(|(value, _)| value == b"a"));
/// # Ok::<(), shared::Fault>(())
/// ```
pub fn get(key: &str) -> Option<(Vec<u8>, Cas)> {
    calls::shared(key)
}

/// Writes a value, whatever is there.
///
/// ```
/// # use forebay_sdk::shared;
/// shared::set("color", "red")?;
/// shared::set("color", "blue")?;
/// assert!(shared::get("color").is_some_and(|(value, _)| value == b"blue"));
/// # Ok::<(), shared::Fault>(())
/// ```
///
/// # Errors
/// [`Fault::Refused`].
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<(), Fault> {
    calls::set_shared(key, value.as_ref(), 0)
}

/// Writes a value if the key still has the one that came with `cas`.
///
/// ```
/// # use forebay_sdk::shared;
/// shared::set("turn", "1")?;
/// if let Some((_, cas)) = shared::get("turn") {
///     assert_eq!(shared::set_if("turn", "2", cas), Ok(()));
///     assert_eq!(shared::set_if("turn", "3", cas), Err(shared::Fault::Changed));
/// }
/// # Ok::<(), shared::Fault>(())
/// ```
///
/// # Errors
/// [`Fault::Changed`] where it has another by now, else [`Fault::Refused`].
pub fn set_if(key: &str, value: impl AsRef<[u8]>, cas: Cas) -> Result<(), Fault> {
    calls::set_shared(key, value.as_ref(), cas)
}

/// Writes what `change` makes of a value, of nothing where there is none, and returns it. Where somebody else wrote in
/// between, `change` is called again with what they wrote.
///
/// ```
/// # use forebay_sdk::shared;
/// let add = |list: &[u8]| [list, b"a"].concat();
/// assert_eq!(shared::update("list", add)?, b"a");
/// assert_eq!(shared::update("list", add)?, b"aa");
/// # Ok::<(), shared::Fault>(())
/// ```
///
/// # Errors
/// [`Fault::Changed`] after 16 tries, else [`Fault::Refused`].
pub fn update(key: &str, mut change: impl FnMut(&[u8]) -> Vec<u8>) -> Result<Vec<u8>, Fault> {
    for _ in 0..TRIES_MAX {
        let (old, cas) = get(key).unwrap_or_default();
        let new = change(&old);
        match calls::set_shared(key, &new, cas) {
            Ok(()) => return Ok(new),
            Err(Fault::Changed) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(Fault::Changed)
}

/// Has the value of a key forgotten when this time, in whole seconds, is over; the next write of the key does away with
/// that. Only Forebay knows how.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse};
/// use forebay_sdk::{now, shared};
/// use std::time::Duration;
///
/// struct Banned;
///
/// impl Filter for Banned {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if request.path() == "/trap" && shared::set("banned", "1").is_ok() {
///             _ = shared::set_ttl("banned", Duration::from_secs(60));
///         }
///         if shared::get("banned").is_some() { Flow::reply(403) } else { Flow::Continue }
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let banned = rehearse::<Banned>("")?;
/// let refused = |path: &str| banned.request(get(&format!("http://shop.example{path}"))).reply().is_some();
/// assert_eq!((refused("/"), refused("/trap"), refused("/")), (false, true, true));
/// banned.set_now(banned.now() + Duration::from_secs(60));
/// assert!(!refused("/"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Fault::Absent`] where there is no such value, and in another proxy.
pub fn set_ttl(key: &str, ttl: Duration) -> Result<(), Fault> {
    // Zero stands for no end.
    let seconds = ttl.as_secs().max(1).to_string();
    calls::foreign("forebay.shared_data.set_ttl", &[key, "\0", &seconds].concat().into_bytes())
}

/// Removes the value of a key. Only Forebay knows how; an empty value comes near to it elsewhere.
///
/// ```
/// use forebay_sdk::shared::{self, Fault};
///
/// shared::set("key", "1")?;
/// assert_eq!((shared::delete("key"), shared::get("key")), (Ok(()), None));
/// assert_eq!(shared::delete("key"), Err(Fault::Absent));
/// # Ok::<(), Fault>(())
/// ```
///
/// # Errors
/// [`Fault::Absent`] where there is no such value, and in another proxy.
pub fn delete(key: &str) -> Result<(), Fault> {
    calls::foreign("forebay.shared_data.delete", key.as_bytes())
}

/// A queue that filters share: what one puts in, one other takes out. Whoever has opened it is told when there is
/// something, in [`Filter::on_queue_ready`](crate::Filter::on_queue_ready).
///
/// ```
/// use forebay_sdk::shared::Queue;
///
/// # fn main() -> Result<(), forebay_sdk::shared::Fault> {
/// let queue = Queue::open("seen")?;
/// queue.push("a")?;
/// queue.push("b")?;
/// assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(b"a".to_vec()), Some(b"b".to_vec()), None]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue(u32);

impl Queue {
    /// The queue of this name, made where there is none. Best opened in [`Filter::new`](crate::Filter::new), and by the
    /// filter that takes items out: of those with one `vm`, the last that has opened it is told of them.
    ///
    /// ```
    /// # use forebay_sdk::shared::{Fault, Queue};
    /// Queue::open("jobs")?.push("a")?;
    /// assert_eq!(Queue::open("jobs")?.pop(), Some(b"a".to_vec()), "it is the same queue");
    /// # Ok::<(), Fault>(())
    /// ```
    ///
    /// # Errors
    /// [`Fault::Refused`].
    pub fn open(name: &str) -> Result<Self, Fault> {
        calls::open_queue(name).map(Self)
    }

    /// The queue of this name that a filter with this `vm` has opened, to put items in without being told of them.
    ///
    /// ```
    /// use forebay_sdk::shared::{Fault, Queue};
    ///
    /// let seen = Queue::open("seen")?;
    /// assert_eq!((Queue::find("counters", "seen"), Queue::find("counters", "unseen")), (Some(seen), None));
    /// # Ok::<(), Fault>(())
    /// ```
    pub fn find(vm: &str, name: &str) -> Option<Self> {
        calls::find_queue(vm, name).map(Self)
    }

    pub(crate) fn known_as(id: u32) -> Self {
        Self(id)
    }

    /// Puts an item at the end.
    ///
    /// ```
    /// # use forebay_sdk::shared::{Fault, Queue};
    /// let seen = Queue::open("pushed")?;
    /// seen.push("/cart")?;
    /// seen.push([0xff])?;
    /// # Ok::<(), Fault>(())
    /// ```
    ///
    /// # Errors
    /// [`Fault::Refused`], as where the queue is full.
    pub fn push(&self, item: impl AsRef<[u8]>) -> Result<(), Fault> {
        calls::push(self.0, item.as_ref())
    }

    /// Takes the first item; `None` where there is none.
    ///
    /// ```
    /// # use forebay_sdk::shared::{Fault, Queue};
    /// let seen = Queue::open("popped")?;
    /// seen.push("/cart")?;
    /// while let Some(path) = seen.pop() {
    ///     assert_eq!(path, b"/cart");
    /// }
    /// # Ok::<(), Fault>(())
    /// ```
    pub fn pop(&self) -> Option<Vec<u8>> {
        calls::pop(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, get, set, set_if, set_ttl, update};
    use crate::host::calls;
    use crate::rehearsal::world::World;

    #[test]
    fn only_the_first_of_two_writers_writes() {
        assert_eq!(get("key"), None);
        set("key", "1").expect("room");
        let (value, cas) = get("key").expect("a value");
        assert_eq!(value, b"1");
        assert_eq!(set_if("key", "2", cas), Ok(()));
        assert_eq!(set_if("key", "3", cas), Err(Fault::Changed));
        assert_eq!(get("key").expect("a value").0, b"2");
    }

    #[test]
    fn a_value_runs_out_unless_it_is_written_again() {
        assert_eq!(set_ttl("key", Duration::from_secs(1)), Err(Fault::Absent));
        let mut world = World::new("");
        let within = |world: &mut World, nanos: u64| {
            world.now_nanos = nanos;
            calls::run(world, || get("key").map(|(value, _)| value))
        };
        let put = |value: &str| set("key", value).and_then(|()| set_ttl("key", Duration::from_millis(1500)));
        assert_eq!(calls::run(&mut world, || put("1")), Ok(()));
        let end = world.now_nanos + 1_000_000_000;
        assert_eq!(within(&mut world, end - 1).as_deref(), Some(&b"1"[..]));
        assert_eq!(within(&mut world, end), None);
        assert_eq!(calls::run(&mut world, || put("2").and_then(|()| set("key", "3"))), Ok(()));
        assert_eq!(within(&mut world, u64::MAX).as_deref(), Some(&b"3"[..]));
    }

    #[test]
    fn an_update_starts_again_from_what_others_wrote_and_gives_up_in_the_end() {
        set("key", "a").expect("room");
        let mut rounds = 0;
        let updated = update("key", |old| {
            rounds += 1;
            if rounds < 3 {
                set("key", "b").expect("room");
            }
            [old, b"!"].concat()
        });
        assert_eq!((updated, rounds), (Ok(b"b!".to_vec()), 3));

        let never = update("key", |old| {
            set("key", "c").expect("room");
            old.to_vec()
        });
        assert_eq!(never, Err(Fault::Changed));
    }
}
