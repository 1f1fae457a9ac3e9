//! What the store asks of a disk: files in one folder, written at a position, read at a position.
//!
//! Small on purpose, because there are two of them: `real`, and the faulty one of the simulation that tears writes, flips
//! bits and runs full. Nothing above knows which it has.

use std::io::{self, IoSlice};

/// A folder of files.
pub(in crate::cache) trait Device: Send + Sync + 'static {
    type File: DeviceFile;

    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new, empty file; an error where there is one of that name.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Readers that have the file open go on reading it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Takes the place of `to` in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes creations, removals and renames outlast a power cut.
    fn sync_folder(&self) -> io::Result<()>;
}

/// One file. Positions are bytes from its start.
pub(in crate::cache) trait DeviceFile: Send + Sync + 'static {
    fn length(&self) -> io::Result<u64>;

    /// Writes all parts one after the other, or fails; after a failure nobody knows how much is there.
    fn write_at(&self, position: u64, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// Reads until the buffer is full or the file ends; the number of bytes read.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The same without waiting for the disk; `None` where it would have to.
    fn read_now(&self, position: u64, buffer: &mut [u8]) -> io::Result<Option<usize>>;

    /// Cuts the file off.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Makes what was written outlast a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// Is there no room for more? A quota that is used up is a disk that is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Fills the buffer, or fails. A second try, because what is read so is read once, and much hangs on it.
pub(super) fn read_whole(file: &impl DeviceFile, position: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut read = || match file.read_at(position, buffer) {
        Ok(read) if read < buffer.len() => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    read().or_else(|_| read())
}
