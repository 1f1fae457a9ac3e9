//! Real files in a real folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::io::{Errno, ReadWriteFlags};

use super::device::{Device, DeviceFile};

/// What is stored, and the secret that keys are hashed with, is nobody else's to read.
const OWNER_ONLY: u32 = 0o600;

/// A folder.
pub(in crate::cache) struct Folder(pub(in crate::cache) PathBuf);

impl Device for Folder {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(OWNER_ONLY).open(self.0.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.0.join(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl DeviceFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn write_at(&self, position: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let whole: usize = parts.iter().map(|part| part.len()).sum();
        let written = write_some(self, position, parts)?;
        // Only a full disk, a limit or a signal makes a write to a file short.
        if written < whole { write_rest(self, position + written as u64, parts, written) } else { Ok(()) }
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], position + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let wanted = buffer.len();
        match rustix::io::preadv2(self, &mut [IoSliceMut::new(buffer)], position, ReadWriteFlags::NOWAIT) {
            Ok(read) if read == wanted => Ok(Some(read)),
            // The end of the file, or of what is in memory, or a system that cannot say. What an error is about shows in
            // the read that waits.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

fn write_some(file: &File, position: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        match rustix::io::pwritev(file, parts, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => return Ok(written),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_rest(file: &File, mut position: u64, parts: &[IoSlice<'_>], written: usize) -> io::Result<()> {
    let mut parts = parts.to_vec();
    let mut left = parts.as_mut_slice();
    IoSlice::advance_slices(&mut left, written);
    while !left.is_empty() {
        let more = write_some(file, position, left)?;
        position += more as u64;
        IoSlice::advance_slices(&mut left, more);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn parts_are_written_and_read_in_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let device = Folder(folder.path().to_owned());
        let file = device.create("a").expect("a new file");
        assert_eq!(device.create("a").expect_err("it exists").kind(), io::ErrorKind::AlreadyExists);
        let parts = [IoSlice::new(b"bc"), IoSlice::new(b""), IoSlice::new(b"d")];
        DeviceFile::write_at(&file, 2, &parts).expect("written");
        let mut buffer = [9; 8];
        assert_eq!(DeviceFile::read_at(&file, 1, &mut buffer).expect("read"), 4);
        assert_eq!(buffer, *b"\0bcd\x09\x09\x09\x09");
        assert_eq!(file.length().expect("a length"), 5);
        let now = file.read_now(2, &mut buffer[..3]).expect("no error");
        assert!(now.is_none_or(|read| read == 3 && buffer.starts_with(b"bcd")));
        assert_eq!(device.list().expect("a list"), ["a"]);
        assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
        device.remove("a").expect("removed");
        assert_eq!(DeviceFile::read_at(&file, 2, &mut buffer[..1]).expect("still open"), 1);
    }
}
