//! Compiled modules on disk, so that a start or a reload need not compile what it has compiled before.
//!
//! One file per module and engine: magic, key, digest of the code, code. The key says which module, which wasmtime and
//! which settings it is of, so that a file of another version is not used but written anew. The cache never fails a
//! load: what it cannot read or write it leaves, and the module is compiled.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use super::version::digits;

/// The format of the file; another one is another magic.
const MAGIC: [u8; 8] = *b"FBYCODE1";
const HEADER_BYTES: usize = 8 + 32 + 32;
/// Code is some ten times its module, which is 16 MiB at most by default: what is larger was not written here.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Files kept beside those in use: the versions that a rollback goes back to.
const UNUSED_MAX: usize = 64;
const SUFFIX: &str = "code";

/// Where code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Origin {
    Compiled,
    Cached,
}

impl Origin {
    /// The word in labels.
    pub(in crate::filter) fn word(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Cached => "cached",
        }
    }
}

/// A folder of compiled code, or none.
#[derive(Debug)]
pub(in crate::filter) struct CodeCache {
    folder: Option<PathBuf>,
    used: Mutex<HashSet<PathBuf>>,
}

impl CodeCache {
    /// Makes the folder where it is missing. One that others may write to is not used: whoever writes code there runs it
    /// in this process.
    pub(in crate::filter) fn open(folder: Option<&Path>) -> Self {
        let folder = folder.filter(|folder| match claim(folder) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(path = %folder.display(), %error, "filter_cache is not used");
                false
            }
        });
        Self { folder: folder.map(Path::to_owned), used: Mutex::default() }
    }

    /// The code of the module in `bytes`, from the cache or else compiled, and then kept.
    pub(in crate::filter) fn code(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<(Module, Origin)> {
        let Some(folder) = &self.folder else { return Ok((Module::from_binary(engine, bytes)?, Origin::Compiled)) };
        let key = key(engine, bytes);
        let path = folder.join(name(&key));
        let found = read(&path, &key).and_then(|code| revive(engine, &code));
        let (module, origin) = match found {
            Some(module) => (module, Origin::Cached),
            None => (Module::from_binary(engine, bytes)?, Origin::Compiled),
        };
        if origin == Origin::Compiled
            && let Err(error) = module.serialize().map_err(io::Error::other).and_then(|code| write(&path, &key, &code))
        {
            tracing::warn!(path = %path.display(), %error, "compiled code is not kept");
        }
        self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path);
        Ok((module, origin))
    }

    /// Removes the oldest of the files that nobody asked for, where there are too many.
    pub(in crate::filter) fn tidy(&self) {
        let Some(folder) = &self.folder else { return };
        let used = self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Ok(files) = fs::read_dir(folder) else { return };
        let ours = files.flatten().map(|file| file.path());
        let ours = ours.filter(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX) && !used.contains(path));
        let mut unused: Vec<_> =
            ours.filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path))).collect();
        unused.sort();
        let surplus = unused.len().saturating_sub(UNUSED_MAX);
        for (_, path) in &unused[..surplus] {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "unused code is not removed");
            }
        }
    }
}

/// Makes `folder` ours alone, or says why it is not.
fn claim(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if private(&fs::metadata(folder)?) {
        return Ok(());
    }
    Err(io::Error::other("others may write to it; give it to this user alone, with mode 0700"))
}

/// Only this user can have written it.
fn private(metadata: &fs::Metadata) -> bool {
    // SAFETY: `geteuid` takes nothing, changes nothing and cannot fail.
    let user = unsafe { libc::geteuid() };
    metadata.uid() == user && metadata.mode() & 0o022 == 0
}

/// What the code of `module` depends on: the module, and all of the engine that the compiler looks at.
fn key(engine: &Engine, module: &[u8]) -> [u8; 32] {
    let mut hasher = KeyHasher(Sha256::new());
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    module.hash(&mut hasher);
    hasher.0.finalize().into()
}

/// SHA-256 of whatever is hashed.
struct KeyHasher(Sha256);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for: the digest is taken whole.
    fn finish(&self) -> u64 {
        0
    }
}

fn name(key: &[u8; 32]) -> String {
    format!("{}.{SUFFIX}", digits(key))
}

/// The code in the file at `path`, if it is whole and of this key.
fn read(path: &Path, key: &[u8; 32]) -> Option<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !private(&metadata) || metadata.len() > FILE_BYTES_MAX {
        return None;
    }
    let mut header = [0; HEADER_BYTES];
    let mut code = Vec::new();
    let whole = file.read_exact(&mut header).and_then(|()| file.read_to_end(&mut code));
    let sound = whole.is_ok() && header == *head(key, &code);
    if !sound {
        tracing::warn!(path = %path.display(), "compiled code is damaged, and compiled anew");
    }
    sound.then_some(code)
}

fn head(key: &[u8; 32], code: &[u8]) -> Box<[u8; HEADER_BYTES]> {
    let mut header = Box::new([0; HEADER_BYTES]);
    header[..8].copy_from_slice(&MAGIC);
    header[8..40].copy_from_slice(key);
    header[40..].copy_from_slice(&Sha256::digest(code));
    header
}

/// Writes aside and renames, so that there is never half a file under the name.
fn write(path: &Path, key: &[u8; 32], code: &[u8]) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.{:x}.new", std::process::id(), fastrand::u64(..)));
    let written = write_new(&aside, key, code).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // It may not be there at all.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write_new(path: &Path, key: &[u8; 32], code: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&*head(key, code))?;
    file.write_all(code)?;
    file.sync_data()
}

/// Code that wasmtime itself does not take is compiled anew.
fn revive(engine: &Engine, code: &[u8]) -> Option<Module> {
    // SAFETY: `deserialize` trusts that the bytes came from `Module::serialize`. They are what `write` wrote: the digest in
    // the header says that every byte is the same, the key that the same wasmtime with the same settings made them of the
    // same module, and folder and file can be written by this user alone (`claim`, `private`), who could as well change
    // the program. Wasmtime compares its version and the engine's settings with those in the code once more.
    unsafe { Module::deserialize(engine, code) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn origin(folder: &Path, module: &[u8]) -> Origin {
        let engine = Engine::default();
        CodeCache::open(Some(folder)).code(&engine, module).unwrap().1
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn code_is_compiled_once_and_only_ours_to_read() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("deep/filters");
        assert_eq!([origin(&folder, MODULE), origin(&folder, MODULE)], [Origin::Compiled, Origin::Cached]);
        let [file] = &files(&folder)[..] else { panic!("one file") };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(file)), (0o700, 0o600));
        assert_eq!(CodeCache::open(None).code(&Engine::default(), MODULE).unwrap().1, Origin::Compiled);
    }

    #[test]
    fn damage_at_any_place_is_noticed_and_mended() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("filters");
        origin(&folder, MODULE);
        let [file] = &files(&folder)[..] else { panic!("one file") };
        let whole = fs::read(file).unwrap();
        let cuts = [0, 7, HEADER_BYTES - 1, HEADER_BYTES, whole.len() - 1].map(|end| whole[..end].to_vec());
        let flips = [0, 8, 40, HEADER_BYTES, whole.len() / 2, whole.len() - 1].map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        for damaged in cuts.iter().chain(&flips) {
            fs::write(file, damaged).unwrap();
            assert_eq!([origin(&folder, MODULE), origin(&folder, MODULE)], [Origin::Compiled, Origin::Cached]);
        }
    }

    #[test]
    fn code_of_another_engine_is_another_file() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("filters");
        origin(&folder, MODULE);
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let other = Engine::new(&config).unwrap();
        assert_eq!(CodeCache::open(Some(&folder)).code(&other, MODULE).unwrap().1, Origin::Compiled);
        assert_eq!(files(&folder).len(), 2);
    }

    #[test]
    fn a_folder_or_file_that_others_may_write_to_is_not_used() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("filters");
        origin(&folder, MODULE);
        let open = fs::Permissions::from_mode(0o777);
        let [file] = &files(&folder)[..] else { panic!("one file") };
        fs::set_permissions(file, open.clone()).unwrap();
        assert_eq!([origin(&folder, MODULE), origin(&folder, MODULE)], [Origin::Compiled, Origin::Cached]);
        fs::set_permissions(&folder, open).unwrap();
        assert_eq!(origin(&folder, MODULE), Origin::Compiled);
    }

    #[test]
    fn unused_code_is_bounded_and_used_code_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("filters");
        let cache = CodeCache::open(Some(&folder));
        cache.code(&Engine::default(), MODULE).unwrap();
        let [used] = &files(&folder)[..] else { panic!("one file") };
        for index in 0..UNUSED_MAX + 5 {
            fs::write(folder.join(format!("{index}.{SUFFIX}")), b"").unwrap();
        }
        cache.tidy();
        assert_eq!(files(&folder).len(), UNUSED_MAX + 1);
        assert!(used.exists());
    }
}
