//! What a running program holds and has done to the disk, with the programs that it started.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cpu::children;

/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

/// Bytes of memory: what it shares with others counts in parts, so that workers of one program add up.
pub fn memory(pid: u32) -> Result<u64> {
    let own = 1_024 * number(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?;
    Ok(own + children(pid).into_iter().map(memory).sum::<Result<u64>>()?)
}

/// Bytes that it has made the kernel write to disks so far.
pub fn written(pid: u32) -> Result<u64> {
    let own = number(&format!("/proc/{pid}/io"), "write_bytes:")?;
    Ok(own + children(pid).into_iter().map(written).sum::<Result<u64>>()?)
}

/// Bytes that a folder takes on disk. Files that vanish meanwhile count nothing.
pub fn on_disk(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let each = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => on_disk(&entry.path()),
        Ok(metadata) => metadata.blocks() * BLOCK_BYTES,
        Err(_) => 0,
    });
    each.sum()
}

fn number(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| file.to_owned())?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{name} in {file}"))?;
    Ok(value.split_whitespace().next().unwrap_or_default().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_holds_memory() {
        assert!(memory(std::process::id()).unwrap() > 100_000);
    }

    #[test]
    fn files_in_folders_are_added() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let before = on_disk(folder.path());
        fs::write(folder.path().join("a/b"), vec![1; 10_000]).unwrap();
        // Some file systems give blocks to a file only when they write it.
        fs::File::open(folder.path().join("a/b")).unwrap().sync_all().unwrap();
        assert!(on_disk(folder.path()) >= before + 10_000);
    }
}
