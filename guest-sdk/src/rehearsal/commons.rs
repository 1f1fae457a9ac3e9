//! What all exchanges of a rehearsal share: keys with values that may run out, and queues.

use std::collections::{BTreeMap, VecDeque};

use crate::host::{Cas, Fault};

#[derive(Debug, Default)]
pub(crate) struct Commons {
    values: BTreeMap<String, Kept>,
    queues: Vec<(String, VecDeque<Vec<u8>>)>,
}

#[derive(Debug)]
struct Kept {
    value: Vec<u8>,
    cas: Cas,
    /// When it runs out, as the rehearsal's clock tells time.
    until_nanos: Option<u64>,
}

impl Commons {
    pub(crate) fn get(&self, key: &str, now_nanos: u64) -> Option<(Vec<u8>, Cas)> {
        let kept = self.values.get(key).filter(|kept| kept.until_nanos.is_none_or(|until| now_nanos < until))?;
        Some((kept.value.clone(), kept.cas))
    }

    pub(crate) fn set(&mut self, key: &str, (value, cas): (&[u8], Cas), now_nanos: u64) -> Result<(), Fault> {
        let known = self.get(key, now_nanos).map_or(0, |(_, known)| known);
        if cas != 0 && cas != known {
            return Err(Fault::Changed);
        }
        self.values.insert(key.to_owned(), Kept { value: value.to_vec(), cas: known + 1, until_nanos: None });
        Ok(())
    }

    /// The proxy's own functions on keys, by their names.
    pub(crate) fn foreign(&mut self, name: &str, arguments: &[u8], now_nanos: u64) -> Result<(), Fault> {
        let arguments = String::from_utf8_lossy(arguments);
        let (key, seconds) = arguments.rsplit_once('\0').unwrap_or((&arguments, ""));
        if self.get(key, now_nanos).is_none() {
            return Err(Fault::Absent);
        }
        match (name, seconds.parse::<u64>(), self.values.get_mut(key)) {
            ("forebay.shared_data.delete", ..) => {
                self.values.remove(key);
            }
            ("forebay.shared_data.set_ttl", Ok(seconds), Some(kept)) => {
                kept.until_nanos = Some(now_nanos.saturating_add(seconds.saturating_mul(1_000_000_000)));
            }
            _ => return Err(Fault::Absent),
        }
        Ok(())
    }

    pub(crate) fn find(&self, queue: &str) -> Option<u32> {
        self.queues.iter().position(|(known, _)| known == queue).map(|position| position as u32)
    }

    pub(crate) fn open(&mut self, queue: &str) -> u32 {
        self.find(queue).unwrap_or_else(|| {
            self.queues.push((queue.to_owned(), VecDeque::new()));
            self.queues.len() as u32 - 1
        })
    }

    pub(crate) fn push(&mut self, queue: u32, item: &[u8]) -> Result<(), Fault> {
        let (_, items) = self.queues.get_mut(queue as usize).ok_or(Fault::Refused)?;
        items.push_back(item.to_vec());
        Ok(())
    }

    pub(crate) fn pop(&mut self, queue: u32) -> Option<Vec<u8>> {
        self.queues.get_mut(queue as usize)?.1.pop_front()
    }

    /// How many items each queue has.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.queues.iter().map(|(_, items)| items.len()).collect()
    }
}
