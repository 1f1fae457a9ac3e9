//! The journal's file: what must outlast the process, in the order in which it happened.
//!
//! ```text
//! header, 40 bytes:  0 "FBJOURNL"  8 version  12 zero  16 store  24 life  32 checksum of these 32 bytes
//! record:            0 number  8 length of payload  12 zero  16 checksum of payload  24 checksum of these 24 bytes
//!                    32 payload ...
//! ```
//!
//! All numbers are little-endian. A file begins with a record that says how everything stands, and comes to its name whole
//! and synced; from there on it only grows. So bytes that are missing at its end are of a record that was being written
//! when the process died, and that nobody relied on. Whatever else is wrong means that nobody knows what was written.

use std::io::{self, IoSlice};

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::cache::disk::device::{Device, DeviceFile};

pub(super) const NAME: &str = "journal";
/// The next one, until it is whole.
pub(super) const DRAFT_NAME: &str = "journal.new";

const MAGIC: [u8; 8] = *b"FBJOURNL";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 40;
const RECORD_HEADER_BYTES: usize = 32;

/// Why nobody knows what a journal said.
#[derive(Debug, thiserror::Error)]
pub(in crate::cache) enum Unreadable {
    #[error("the journal is damaged at byte {0}")]
    Damaged(usize),
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// What the journal of a store says: payloads in their order; `None` where there is no journal.
pub(in crate::cache) fn read<D: Device>(device: &D, store: u64) -> Result<Option<Vec<Bytes>>, Unreadable> {
    let file = match device.open(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = usize::try_from(file.length()?).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; length];
    // A read that ends early must not pass for a file that does.
    if file.read_at(0, &mut bytes)? < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    parse(&bytes.into(), store).map(Some)
}

fn parse(bytes: &Bytes, store: u64) -> Result<Vec<Bytes>, Unreadable> {
    let seal = header(bytes, store).ok_or(Unreadable::Damaged(0))?;
    let mut payloads = Vec::new();
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        match record(&bytes[at..], seal, payloads.len() as u64 + 1) {
            Record::Whole(length) => {
                let payload_at = at + RECORD_HEADER_BYTES;
                at = payload_at + length;
                payloads.push(bytes.slice(payload_at..at));
            }
            Record::Torn => break,
            Record::Damaged => return Err(Unreadable::Damaged(at)),
        }
    }
    // The first record was synced before the file came to its name.
    if payloads.is_empty() { Err(Unreadable::Damaged(at)) } else { Ok(payloads) }
}

/// The seal of this file's records, if it is a journal of this store.
fn header(bytes: &[u8], store: u64) -> Option<u64> {
    let bytes = bytes.get(..HEADER_BYTES)?;
    let right = bytes[..8] == MAGIC
        && number(&bytes[8..12]) == u64::from(VERSION)
        && number(&bytes[16..24]) == store
        && number(&bytes[32..]) == xxh3_64(&bytes[..32]);
    right.then(|| seal(store, number(&bytes[24..32])))
}

/// The seed of every checksum in a file, so that nothing from another one passes for its own.
fn seal(store: u64, life: u64) -> u64 {
    xxh3_64_with_seed(&life.to_le_bytes(), store)
}

/// What stands at some place.
enum Record {
    /// With a payload of so many bytes.
    Whole(usize),
    /// Fewer bytes than there were to be.
    Torn,
    Damaged,
}

fn record(bytes: &[u8], seal: u64, expected: u64) -> Record {
    let Some(header) = bytes.get(..RECORD_HEADER_BYTES) else { return Record::Torn };
    if number(&header[24..]) != xxh3_64_with_seed(&header[..24], seal) || number(&header[..8]) != expected {
        return Record::Damaged;
    }
    let length = number(&header[8..12]) as usize;
    match bytes.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + length) {
        None => Record::Torn,
        Some(payload) if number(&header[16..24]) == xxh3_64_with_seed(payload, seal) => Record::Whole(length),
        Some(_) => Record::Damaged,
    }
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A journal that is being written.
pub(super) struct Journal<F> {
    file: F,
    seal: u64,
    /// The number of the next record.
    next: u64,
    length: u64,
}

impl<F: DeviceFile> Journal<F> {
    /// Writes a whole journal beside the one that counts, which stays as it is.
    pub(super) fn draft<D: Device<File = F>>(device: &D, store: u64, standing: &[u8]) -> io::Result<Draft<F>> {
        match device.remove(DRAFT_NAME) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let life = fastrand::u64(..);
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[16..24].copy_from_slice(&store.to_le_bytes());
        header[24..32].copy_from_slice(&life.to_le_bytes());
        let sum = xxh3_64(&header[..32]);
        header[32..].copy_from_slice(&sum.to_le_bytes());
        let file = device.create(DRAFT_NAME)?;
        let mut journal = Self { file, seal: seal(store, life), next: 1, length: HEADER_BYTES as u64 };
        let written = journal.file.write_at(0, &[IoSlice::new(&header)]);
        let written = written.and_then(|()| journal.append([standing])).and_then(|()| journal.sync());
        if let Err(error) = written {
            // It only takes room, and is removed before the next try as well.
            _ = device.remove(DRAFT_NAME);
            return Err(error);
        }
        Ok(Draft(journal))
    }

    /// Writes records behind all others, in one piece. After an error nobody knows how much of them is there, and nothing
    /// may be appended any more.
    pub(super) fn append<'a>(&mut self, payloads: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for payload in payloads {
            let length = u32::try_from(payload.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
            let from = bytes.len();
            bytes.extend_from_slice(&self.next.to_le_bytes());
            bytes.extend_from_slice(&u64::from(length).to_le_bytes());
            bytes.extend_from_slice(&xxh3_64_with_seed(payload, self.seal).to_le_bytes());
            let sum = xxh3_64_with_seed(&bytes[from..], self.seal);
            bytes.extend_from_slice(&sum.to_le_bytes());
            bytes.extend_from_slice(payload);
            self.next += 1;
        }
        self.file.write_at(self.length, &[IoSlice::new(&bytes)])?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Everything appended so far outlasts a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// A journal that is whole and synced, and does not count yet.
pub(super) struct Draft<F>(Journal<F>);

impl<F: DeviceFile> Draft<F> {
    /// Puts it in the place of the one that counted. After an error nobody knows which of them does.
    pub(super) fn install<D: Device<File = F>>(self, device: &D) -> io::Result<Journal<F>> {
        device.rename(DRAFT_NAME, NAME)?;
        device.sync_folder()?;
        Ok(self.0)
    }
}

/// Bytes that a record takes in the file.
pub(super) fn record_bytes(payload: usize) -> u64 {
    (RECORD_HEADER_BYTES + payload) as u64
}

#[cfg(test)]
mod tests;
