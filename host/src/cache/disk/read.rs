//! Reading one record in two steps: `find` its place, then `read` it there. Checked bytes, or that there are none.
//!
//! Where the page is in memory the read is a system call on the worker; where it is not, the caller is told, and reads again
//! on a thread that may wait. What was found may be replaced meanwhile: whoever minds looks at the index again. A record
//! that is not what was written is taken out of the index, so it is found damaged once.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::contents::Contents;
use super::device::DeviceFile;
use super::index::{Place, Standing};
use super::record::{Damage, HEADER_BYTES, Header, KeyHash};
use super::segments::Segment;

/// Where the newest record of a key was when it was looked for. Its segment can be read even if it is evicted meanwhile.
pub(super) struct Spot<F> {
    pub(super) key: KeyHash,
    pub(super) standing: Standing,
    segment: Arc<Segment<F>>,
}

/// A record as it was written. Meta and body are slices of one read.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) header: Header,
    pub(super) meta: Bytes,
    pub(super) body: Bytes,
}

/// How a read came out.
#[derive(Debug)]
pub(super) enum Reading {
    Here(Record),
    /// The record is damaged, or another key's.
    Absent,
    /// The disk must be waited for.
    Later,
}

/// May the read wait for the disk?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Now,
    Wait,
}

/// The reading end of the log. Cloning shares it.
pub(super) struct Reader<F>(Arc<Contents<F>>);

impl<F> Clone for Reader<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: DeviceFile> Reader<F> {
    pub(super) fn new(contents: Arc<Contents<F>>) -> Self {
        Self(contents)
    }

    /// Where the newest record of `key` is.
    pub(super) fn find(&self, key: KeyHash) -> Option<Spot<F>> {
        let mut standing = self.0.index.find(key)?;
        loop {
            if let Some(segment) = self.0.segments.get(standing.place.segment) {
                return Some(Spot { key, standing, segment });
            }
            // Eviction came between the two looks. What it kept is elsewhere by now.
            standing = self.0.index.find(key).filter(|again| again.place != standing.place)?;
        }
    }

    /// The record at a spot. An error is the disk's; a damaged record is as good as none.
    pub(super) fn read(&self, spot: &Spot<F>, patience: Patience) -> io::Result<Reading> {
        let place = spot.standing.place;
        let file = &spot.segment.file;
        let mut bytes = BytesMut::zeroed(usize::try_from(place.length).map_err(io::Error::other)?);
        let read = match patience {
            Patience::Wait => file.read_at(place.position, &mut bytes)?,
            Patience::Now => match file.read_now(place.position, &mut bytes)? {
                Some(read) => read,
                None => return Ok(Reading::Later),
            },
        };
        bytes.truncate(read);
        match check(&bytes.freeze(), spot.segment.seal) {
            Ok(record) if record.header.key == spot.key => {
                self.0.index.touch(spot.key, spot.standing);
                Ok(Reading::Here(record))
            }
            Ok(_) => Ok(Reading::Absent),
            Err(damage) => {
                self.give_up(spot, damage);
                Ok(Reading::Absent)
            }
        }
    }

    fn give_up(&self, spot: &Spot<F>, damage: Damage) {
        let Place { segment, position, .. } = spot.standing.place;
        if self.0.index.remove_at(spot.key, spot.standing.place).is_ok() {
            tracing::warn!(segment, position, %damage, "a record of the disk tier is damaged");
        }
    }
}

/// The record that `bytes` begin with.
pub(super) fn check(bytes: &Bytes, seal: u64) -> Result<Record, Damage> {
    let header = Header::decode(bytes, seal)?;
    let meta_end = HEADER_BYTES + header.meta_bytes as usize;
    let body_end = meta_end + header.body_bytes as usize;
    if body_end > bytes.len() {
        return Err(Damage::Length);
    }
    let (meta, body) = (bytes.slice(HEADER_BYTES..meta_end), bytes.slice(meta_end..body_end));
    header.check_meta(&meta)?;
    header.check_body(&body)?;
    Ok(Record { header, meta, body })
}

#[cfg(test)]
mod tests;
