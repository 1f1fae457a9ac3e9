//! Reading one record: checked bytes, or that there are none.
//!
//! Where the page is in memory the read is a system call on the worker; where it is not, the caller is told, and reads again
//! on a thread that may wait. A record that is not what was written is taken out of the index, so it is found damaged once.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::device::DeviceFile;
use super::index::{Index, Place};
use super::record::{HEADER_BYTES, Header, KeyHash};
use super::segments::Segments;

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
    /// Nothing under this key, or nothing any more.
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
pub(super) struct Reader<F> {
    index: Arc<Index>,
    segments: Arc<Segments<F>>,
}

impl<F> Clone for Reader<F> {
    fn clone(&self) -> Self {
        Self { index: self.index.clone(), segments: self.segments.clone() }
    }
}

impl<F: DeviceFile> Reader<F> {
    pub(super) fn new(index: Arc<Index>, segments: Arc<Segments<F>>) -> Self {
        Self { index, segments }
    }

    /// The newest record of `key`. An error is the disk's; a damaged record is as good as none.
    pub(super) fn read(&self, key: KeyHash, patience: Patience) -> io::Result<Reading> {
        let Some(place) = self.index.find(key) else { return Ok(Reading::Absent) };
        let Some(segment) = self.segments.get(place.segment) else { return Ok(Reading::Absent) };
        let mut bytes = BytesMut::zeroed(usize::try_from(place.length).map_err(io::Error::other)?);
        let read = match patience {
            Patience::Wait => segment.file.read_at(place.position, &mut bytes)?,
            Patience::Now => match segment.file.read_now(place.position, &mut bytes)? {
                Some(read) => read,
                None => return Ok(Reading::Later),
            },
        };
        bytes.truncate(read);
        match check(bytes.freeze(), key, segment.seal) {
            Some(record) => {
                self.index.touch(key);
                Ok(Reading::Here(record))
            }
            None => {
                self.damaged(key, place);
                Ok(Reading::Absent)
            }
        }
    }

    /// The segment may have been evicted between the look and the read, and then its place says nothing.
    fn damaged(&self, key: KeyHash, place: Place) {
        if self.index.remove_at(key, place).is_ok() && self.segments.get(place.segment).is_some() {
            tracing::warn!(segment = place.segment, position = place.position, "a damaged record is given up");
        }
    }
}

fn check(bytes: Bytes, key: KeyHash, seal: u64) -> Option<Record> {
    let header = Header::decode(&bytes, seal).ok().filter(|header| header.key == key)?;
    let meta_end = HEADER_BYTES + header.meta_bytes as usize;
    let body_end = meta_end + header.body_bytes as usize;
    if body_end > bytes.len() {
        return None;
    }
    let (meta, body) = (bytes.slice(HEADER_BYTES..meta_end), bytes.slice(meta_end..body_end));
    header.check_meta(&meta).and(header.check_body(&body)).ok()?;
    Some(Record { header, meta, body })
}
