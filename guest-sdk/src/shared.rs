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

/// A queue that filters share: what one puts in, one other takes out.
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
#[derive(Debug, Clone, Copy)]
pub struct Queue(u32);

impl Queue {
    /// The queue of this name, made where there is none. Best opened in [`Filter::new`](crate::Filter::new).
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
    use super::{Fault, get, set, set_if, update};

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
