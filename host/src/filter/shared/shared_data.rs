//! The values that filters of one virtual machine share, with compare-and-set.
//!
//! Bounded in bytes: what was not used for longest goes first. Values and the order of their use are under one lock, so
//! that comparing and setting is one step and the bound holds at every moment; moka, which keeps the responses, evicts
//! some time after a write. Expiry and removal are this host's additions: the ABI has neither.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::abi::Status;
use crate::clock::Timestamp;

/// Bytes that a value costs beside its key and itself: two places in tables, and their share of the tables' slack.
const OVERHEAD: usize = 160;

/// The number that is compared where nothing is: a set with it is unconditional.
const ANY: u32 = 0;

#[derive(Debug)]
pub(in crate::filter) struct SharedData {
    shelf: Mutex<Shelf>,
    last_cas: Arc<AtomicU32>,
}

#[derive(Debug, Default)]
struct Shelf {
    values: HashMap<Arc<[u8]>, Value>,
    /// Keys in the order of their last use.
    uses: BTreeMap<u64, Arc<[u8]>>,
    last_use: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Value {
    bytes: Box<[u8]>,
    /// Changes with every set, and is never the same again.
    cas: u32,
    used: u64,
    expires: Option<Timestamp>,
}

impl SharedData {
    pub(in crate::filter) fn new(last_cas: Arc<AtomicU32>) -> Self {
        Self { shelf: Mutex::default(), last_cas }
    }

    /// Puts the value into `out`, and tells its number.
    pub(in crate::filter) fn get(&self, key: &[u8], now: Timestamp, out: &mut Vec<u8>) -> Result<u32, Status> {
        let mut shelf = self.shelf();
        let value = shelf.touch(key, now).ok_or(Status::NotFound)?;
        out.extend_from_slice(&value.bytes);
        Ok(value.cas)
    }

    /// Sets a value that does not expire. Where there is one already, `cas` must be its number or zero. `InternalFailure`
    /// for what would not fit into `bytes_max` alone.
    pub(in crate::filter) fn set(
        &self,
        (key, value): (&[u8], &[u8]),
        cas: u32,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<(), Status> {
        let mut shelf = self.shelf();
        shelf.check(key, cas, now)?;
        if weight(key, value) > bytes_max {
            return Err(Status::InternalFailure);
        }
        shelf.remove(key);
        shelf.shrink(bytes_max - weight(key, value));
        let cas = self.next_cas();
        shelf.insert(key, value, cas);
        Ok(())
    }

    /// Removes a value on the terms of `set`; `NotFound` where there is none.
    pub(in crate::filter) fn remove(&self, key: &[u8], cas: u32, now: Timestamp) -> Result<(), Status> {
        let mut shelf = self.shelf();
        shelf.check(key, cas, now)?;
        shelf.remove(key).ok_or(Status::NotFound).map(drop)
    }

    /// Lets a value go after `ttl`, or keeps it until it is pushed out; the next set forgets this.
    pub(in crate::filter) fn expire(&self, key: &[u8], ttl: Option<Duration>, now: Timestamp) -> Result<(), Status> {
        let mut shelf = self.shelf();
        shelf.touch(key, now).ok_or(Status::NotFound)?.expires = ttl.map(|ttl| now.plus(ttl));
        Ok(())
    }

    /// Lets go of values until the others fit.
    pub(in crate::filter) fn shrink(&self, bytes_max: usize) {
        self.shelf().shrink(bytes_max);
    }

    /// Called under the lock, so that later values have later numbers.
    fn next_cas(&self) -> u32 {
        let next = self.last_cas.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if next == ANY { self.next_cas() } else { next }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The value, used now; one that has expired is let go.
    fn touch(&mut self, key: &[u8], now: Timestamp) -> Option<&mut Value> {
        if self.values.get(key)?.expires.is_some_and(|expires| expires <= now) {
            self.remove(key);
            return None;
        }
        self.last_use += 1;
        let value = self.values.get_mut(key)?;
        let key = self.uses.remove(&value.used)?;
        self.uses.insert(self.last_use, key);
        value.used = self.last_use;
        Some(value)
    }

    /// May a value be set with this number?
    fn check(&mut self, key: &[u8], cas: u32, now: Timestamp) -> Result<(), Status> {
        match self.touch(key, now) {
            Some(value) if cas != ANY && value.cas != cas => Err(Status::CasMismatch),
            _ => Ok(()),
        }
    }

    fn insert(&mut self, key: &[u8], value: &[u8], cas: u32) {
        self.last_use += 1;
        self.bytes += weight(key, value);
        let key: Arc<[u8]> = key.into();
        self.uses.insert(self.last_use, key.clone());
        self.values.insert(key, Value { bytes: value.into(), cas, used: self.last_use, expires: None });
    }

    fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let value = self.values.remove(key)?;
        self.uses.remove(&value.used);
        self.bytes -= weight(key, &value.bytes);
        Some(value)
    }

    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some((_, key)) = self.uses.pop_first()
        {
            self.remove(&key);
        }
    }
}

fn weight(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: usize = 1 << 20;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(seconds))
    }

    fn data() -> SharedData {
        SharedData::new(Arc::default())
    }

    fn get(data: &SharedData, key: &str, seconds: u64) -> Result<(String, u32), Status> {
        let mut value = Vec::new();
        let cas = data.get(key.as_bytes(), at(seconds), &mut value)?;
        Ok((String::from_utf8(value).unwrap(), cas))
    }

    fn set(data: &SharedData, key: &str, value: &str, cas: u32) -> Result<(), Status> {
        data.set((key.as_bytes(), value.as_bytes()), cas, at(0), ROOMY)
    }

    #[test]
    fn a_set_succeeds_where_nothing_is_or_the_number_is_right_or_zero() {
        let data = data();
        assert_eq!(get(&data, "a", 0), Err(Status::NotFound));
        assert_eq!(set(&data, "a", "1", 77), Ok(()), "a missing key takes any number");
        assert_eq!(get(&data, "a", 0), Ok(("1".to_owned(), 1)), "numbers begin at 1");
        assert_eq!(set(&data, "a", "2", 77), Err(Status::CasMismatch));
        assert_eq!(set(&data, "a", "2", 1), Ok(()));
        assert_eq!(set(&data, "a", "3", 1), Err(Status::CasMismatch), "each set has a number of its own");
        assert_eq!(set(&data, "a", "4", 0), Ok(()));
        assert_eq!(get(&data, "a", 0), Ok(("4".to_owned(), 3)));
        assert_eq!(data.remove(b"a", 2, at(0)), Err(Status::CasMismatch));
        assert_eq!(data.remove(b"a", 3, at(0)), Ok(()));
        assert_eq!(data.remove(b"a", 3, at(0)), Err(Status::NotFound));
    }

    #[test]
    fn numbers_pass_over_zero() {
        let data = SharedData::new(Arc::new(AtomicU32::new(u32::MAX)));
        set(&data, "a", "", 0).unwrap();
        assert_eq!(get(&data, "a", 0), Ok((String::new(), 1)));
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_bound_holds() {
        let (data, room) = (data(), 3 * (OVERHEAD + 2));
        let set = |key: &str, value: &str| data.set((key.as_bytes(), value.as_bytes()), 0, at(0), room);
        for key in ["a", "b", "c"] {
            set(key, "x").unwrap();
        }
        get(&data, "a", 0).unwrap();
        set("d", "x").unwrap();
        let there = ["a", "b", "c", "d"].map(|key| get(&data, key, 0).is_ok());
        assert_eq!(there, [true, false, true, true]);
        assert_eq!(set("e", &"x".repeat(room)), Err(Status::InternalFailure));
        assert!(get(&data, "a", 0).is_ok(), "what does not fit pushes nothing out");
        data.shrink(0);
        let shelf = data.shelf();
        assert_eq!((shelf.bytes, shelf.uses.len(), shelf.values.len()), (0, 0, 0));
    }

    #[test]
    fn a_value_is_gone_when_its_time_is_over() {
        let data = data();
        set(&data, "a", "1", 0).unwrap();
        assert_eq!(data.expire(b"b", None, at(0)), Err(Status::NotFound));
        data.expire(b"a", Some(Duration::from_secs(10)), at(0)).unwrap();
        assert!(get(&data, "a", 9).is_ok());
        assert_eq!(get(&data, "a", 10), Err(Status::NotFound));
        set(&data, "a", "2", 5).unwrap();
        data.expire(b"a", Some(Duration::from_secs(10)), at(0)).unwrap();
        data.expire(b"a", None, at(0)).unwrap();
        assert!(get(&data, "a", 1000).is_ok());
    }

    #[test]
    fn of_threads_that_count_none_loses_a_step() {
        let data = data();
        set(&data, "n", "0", 0).unwrap();
        let count = || {
            for _ in 0..200 {
                while let Ok((value, cas)) = get(&data, "n", 0) {
                    let next = (value.parse::<u32>().unwrap() + 1).to_string();
                    if set(&data, "n", &next, cas).is_ok() {
                        break;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(count);
            }
        });
        assert_eq!(get(&data, "n", 0).unwrap().0, "800");
    }
}
