//! The folder as one store's own: its superblock says whose it is, and with which secret keys are hashed.
//!
//! ```text
//! 0 "FBSTORE" and zero  8 version  12 zero  16 store  24 secret  40 zero  56 checksum
//! ```
//!
//! Numbers are little-endian. A superblock of another version is left alone and the store begins beside it. One that is
//! damaged is of no use, nor is anything beside it: the store begins anew.

use std::io::{self, IoSlice};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::device::{Device, DeviceFile};
use super::secret::{Secret, random};
use super::segment::SegmentName;
use super::site::{Barred, Site};

/// Bytes that the superblock and the lock may take, generously.
pub(super) const HOME_BYTES: u64 = 4_096;

const NAME: &str = "store";
/// Under this name it is written, and then takes its place in one step.
const NEW_NAME: &str = "store.new";
const MAGIC: [u8; 8] = *b"FBSTORE\0";
const VERSION: u32 = 1;
const BYTES: usize = 64;

/// Folders beside each other that are tried.
const FOLDERS_MAX: u32 = 8;

/// What of the folder concerns those who keep a file of their own in it.
pub(in crate::cache) struct Home<D> {
    pub(in crate::cache) device: Arc<D>,
    /// Drawn when the store was begun.
    pub(in crate::cache) store: u64,
    pub(in crate::cache) begun: Begun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Begun {
    /// By this entry; whatever lies in the folder is of another store.
    Anew,
    Before,
}

/// A folder that was entered.
pub(super) struct Entered<S: Site> {
    pub(super) home: Arc<Home<S::Device>>,
    pub(super) lock: S::Lock,
    pub(super) secret: Secret,
}

/// Which store may be found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// Any: this is the start of the process.
    Any,
    /// None: nobody knows what was given up meanwhile, and this is the secret of the process.
    New(Secret),
}

/// What stands at the place of the superblock.
#[derive(Debug, PartialEq, Eq)]
enum Superblock {
    Of { store: u64, secret: Secret },
    Version(u32),
    Missing,
    Damaged,
}

/// Enters the site's folder, and begins a store there if need be.
pub(super) fn enter<S: Site>(site: &S, wanted: Wanted) -> Result<Entered<S>, Barred> {
    for number in 0..FOLDERS_MAX {
        let (device, lock) = site.enter(number)?;
        let device = Arc::new(device);
        let barred = |error| Barred::Io { folder: site.name(), error };
        let (store, secret, begun) = match (read(&*device).map_err(barred)?, wanted) {
            (Superblock::Version(version), _) => {
                let folder = site.name();
                tracing::warn!(version, %folder, "disk tier: a store of another format version is left alone; this one is beside it");
                continue;
            }
            (Superblock::Of { store, secret }, Wanted::Any) => (store, secret, Begun::Before),
            (found, _) => {
                let folder = site.name();
                match found {
                    Superblock::Damaged => {
                        tracing::warn!(%folder, "disk tier: the superblock is damaged; the store begins anew")
                    }
                    Superblock::Of { .. } => {
                        tracing::warn!(%folder, "disk tier: nobody knows what was purged meanwhile; the store begins anew");
                    }
                    Superblock::Missing | Superblock::Version(_) => {}
                }
                let secret = if let Wanted::New(secret) = wanted { secret } else { Secret::draw() };
                (begin(&*device, secret).map_err(barred)?, secret, Begun::Anew)
            }
        };
        return Ok(Entered { home: Arc::new(Home { device, store, begun }), lock, secret });
    }
    let error = io::Error::other("all folders hold other format versions");
    Err(Barred::Io { folder: site.name(), error })
}

/// Removes all segments.
pub(super) fn clear(device: &impl Device) -> io::Result<()> {
    for name in device.list()?.iter().filter(|name| SegmentName::number_of(name).is_some()) {
        device.remove(name)?;
    }
    device.sync_folder()
}

fn read(device: &impl Device) -> io::Result<Superblock> {
    let file = match device.open(NAME) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Superblock::Missing),
        Err(error) => return Err(error),
    };
    let mut bytes = [0; BYTES];
    let length = file.read_at(0, &mut bytes)?;
    Ok(decode(&bytes[..length]))
}

/// The superblock comes first: from then on the segments of an earlier store are nobody's, even if some stay.
fn begin(device: &impl Device, secret: Secret) -> io::Result<u64> {
    let store = random();
    // Left by a start that was killed.
    _ = device.remove(NEW_NAME);
    let file = device.create(NEW_NAME)?;
    file.write_at(0, &[IoSlice::new(&encode(store, secret))])?;
    file.sync()?;
    device.rename(NEW_NAME, NAME)?;
    clear(device)?;
    Ok(store)
}

fn encode(store: u64, secret: Secret) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&store.to_le_bytes());
    bytes[24..40].copy_from_slice(&secret.0);
    let sum = xxh3_64(&bytes[..56]);
    bytes[56..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The checksum stands at the same place in every version, so that damage is not taken for another version.
fn decode(bytes: &[u8]) -> Superblock {
    let Ok(bytes) = <&[u8; BYTES]>::try_from(bytes) else { return Superblock::Damaged };
    let number = |at: usize| bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    if bytes[..8] != MAGIC || number(56) != xxh3_64(&bytes[..56]) {
        return Superblock::Damaged;
    }
    let version = number(8) as u32;
    if version != VERSION {
        return Superblock::Version(version);
    }
    let mut secret = [0; 16];
    secret.copy_from_slice(&bytes[24..40]);
    Superblock::Of { store: number(16), secret: Secret(secret) }
}
