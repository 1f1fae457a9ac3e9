//! Where the store lies: a folder that is entered at the start, and again when it was lost.
//!
//! One process at a time: the folder's lock file is locked for as long as the process lives, which the system ends with it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::device::Device;
use super::real::Folder;

/// The name of the file that is locked.
const LOCK: &str = "lock";

pub(in crate::cache) trait Site: Send + Sync + 'static {
    type Device: Device;
    type Lock: Send + Sync + 'static;

    /// Makes the folder where it is missing and locks it. Folder 0 is for this format; the others stand beside it, where
    /// it turns out to be of another.
    fn enter(&self, number: u32) -> Result<(Self::Device, Self::Lock), Barred>;

    /// Is the folder that was locked still the one that would be entered?
    fn holds(&self, lock: &Self::Lock) -> bool;

    /// What an operator knows it by.
    fn name(&self) -> String;
}

/// Why a folder cannot be entered.
#[derive(Debug, thiserror::Error)]
pub(in crate::cache) enum Barred {
    #[error("another process has locked {0}: give each node a folder of its own")]
    Locked(String),
    #[error("{folder} cannot be used: {error}")]
    Io { folder: String, error: io::Error },
}

/// Real folders, under the configured path.
pub(in crate::cache) struct Folders(PathBuf);

/// A lock that is held, and where.
pub(in crate::cache) struct FolderLock {
    file: File,
    path: PathBuf,
}

impl Folders {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn folder(&self, number: u32) -> PathBuf {
        let name = if number == 0 { "v1".to_owned() } else { format!("v1-{number}") };
        self.0.join(name)
    }
}

impl Site for Folders {
    type Device = Folder;
    type Lock = FolderLock;

    fn enter(&self, number: u32) -> Result<(Folder, FolderLock), Barred> {
        let folder = self.folder(number);
        let barred = |error| Barred::Io { folder: folder.display().to_string(), error };
        let lock = lock(&folder).map_err(|refused| match refused {
            TryLockError::WouldBlock => Barred::Locked(folder.display().to_string()),
            TryLockError::Error(error) => barred(error),
        })?;
        // Somebody may have removed it between opening and locking.
        if !self.holds(&lock) {
            return Err(barred(io::ErrorKind::NotFound.into()));
        }
        Ok((Folder(folder), lock))
    }

    fn holds(&self, lock: &FolderLock) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (lock.file.metadata().map(identity), fs::metadata(&lock.path).map(identity)) {
            (Ok(held), Ok(there)) => held == there,
            (_, Err(error)) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
            // A disk that does not answer is another trouble.
            (Err(_), _) => true,
        }
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
}

fn lock(folder: &Path) -> Result<FolderLock, TryLockError> {
    fs::create_dir_all(folder).map_err(TryLockError::Error)?;
    let path = folder.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(FolderLock { file, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_and_entered_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = Folders::new(folder.path().join("a/b"));
        let (_device, lock) = site.enter(0).expect("it is made");
        assert!(site.holds(&lock));
        let refused = site.enter(0).map(|_| ()).expect_err("it is locked").to_string();
        assert!(refused.contains("a/b/v1") && refused.contains("another process"), "{refused}");
        assert!(site.enter(1).is_ok(), "the one beside it is free");
        drop(lock);
        assert!(site.enter(0).is_ok());
    }

    #[test]
    fn a_folder_that_was_removed_or_replaced_is_not_held_any_more() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = Folders::new(folder.path().join("a"));
        let (_device, lock) = site.enter(0).expect("it is made");
        fs::remove_dir_all(folder.path().join("a")).expect("removed");
        assert!(!site.holds(&lock));
        let (_device, again) = site.enter(0).expect("it is made again");
        assert!(site.holds(&again) && !site.holds(&lock));
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_bars_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a");
        fs::write(&path, "").expect("written");
        let refused = Folders::new(path).enter(0).map(|_| ()).expect_err("no folder");
        assert!(matches!(&refused, Barred::Io { folder, .. } if folder.ends_with("a/v1")), "{refused}");
    }
}
