//! The system calls that language runtimes import, answered as the reference host answers them.
//!
//! A guest has no files, no arguments, no environment and no sockets; it has two streams to log to, the clock, and
//! chance. Every name of WASI preview 1 links, under the older module name too; they are open at any time, since runtimes
//! call them while they start.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use wasmtime::{FuncType, Linker, Val, ValType};

use super::super::abi::{LogLevel, Status};
use super::super::state::State;
use super::log;
use super::memory::{self, Slice, split};
use super::outcome::Guest;

const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const IO: u32 = 29;
const NOENT: u32 = 44;
const NOSYS: u32 = 52;
const NOTSUP: u32 = 58;

/// Bytes of chance per call, as in the reference host.
const RANDOM_BYTES_MAX: u32 = 64 * 1024;

/// Pieces of one write; runtimes use one or two.
const PIECES_MAX: u32 = 1024;

/// What is left out of the sandbox: name, arguments (`i` and `l` for 32 and 64 bits), answer.
const REFUSED: [(&str, &str, u32); 35] = [
    ("fd_advise", "illi", NOTSUP),
    ("fd_allocate", "ill", NOTSUP),
    ("fd_close", "i", SUCCESS),
    ("fd_datasync", "i", NOTSUP),
    ("fd_fdstat_set_flags", "ii", NOSYS),
    ("fd_fdstat_set_rights", "ill", NOTSUP),
    ("fd_filestat_get", "ii", NOTSUP),
    ("fd_filestat_set_size", "il", NOTSUP),
    ("fd_filestat_set_times", "illi", NOTSUP),
    ("fd_pread", "iiili", NOTSUP),
    ("fd_prestat_get", "ii", BADF),
    ("fd_prestat_dir_name", "iii", NOSYS),
    ("fd_pwrite", "iiili", NOTSUP),
    ("fd_read", "iiii", NOSYS),
    ("fd_readdir", "iiili", NOTSUP),
    ("fd_renumber", "ii", NOTSUP),
    ("fd_seek", "ilii", SUCCESS),
    ("fd_sync", "i", NOTSUP),
    ("fd_tell", "ii", NOTSUP),
    ("path_create_directory", "iii", NOTSUP),
    ("path_filestat_get", "iiiii", NOTSUP),
    ("path_filestat_set_times", "iiiilli", NOTSUP),
    ("path_link", "iiiiiii", NOTSUP),
    ("path_open", "iiiiillii", NOENT),
    ("path_readlink", "iiiiii", NOTSUP),
    ("path_remove_directory", "iii", NOTSUP),
    ("path_rename", "iiiiii", NOTSUP),
    ("path_symlink", "iiiii", NOTSUP),
    ("path_unlink_file", "iii", NOTSUP),
    ("proc_raise", "i", NOTSUP),
    ("sched_yield", "", SUCCESS),
    ("sock_accept", "iii", NOTSUP),
    ("sock_recv", "iiiiii", NOTSUP),
    ("sock_send", "iiiii", NOTSUP),
    ("sock_shutdown", "ii", NOTSUP),
];

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for module in MODULES {
        for (name, arguments, errno) in REFUSED {
            let kinds = arguments.bytes().map(|kind| if kind == b'l' { ValType::I64 } else { ValType::I32 });
            let signature = FuncType::new(linker.engine(), kinds, [ValType::I32]);
            linker.func_new(module, name, signature, move |_, _, results| {
                results[0] = Val::I32(errno.cast_signed());
                Ok(())
            })?;
        }
        link_system(linker, module)?;
        link_streams(linker, module)?;
    }
    Ok(())
}

/// Arguments and environment (there are none), time, chance, waiting and exit.
fn link_system(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    for (get, sizes) in [("args_get", "args_sizes_get"), ("environ_get", "environ_sizes_get")] {
        linker.func_wrap(module, get, |_: u32, _: u32| SUCCESS)?;
        linker.func_wrap(module, sizes, |mut guest: Guest<'_>, count: u32, bytes: u32| {
            errno(write_all(&mut guest, &[(count, &[0; 4]), (bytes, &[0; 4])]))
        })?;
    }
    linker.func_wrap(module, "clock_res_get", |mut guest: Guest<'_>, clock: u32, out: u32| {
        if clock > 1 { NOTSUP } else { errno(write_all(&mut guest, &[(out, &1_u64.to_le_bytes())])) }
    })?;
    linker.func_wrap(module, "clock_time_get", |mut guest: Guest<'_>, clock: u32, _precision: u64, out: u32| {
        let now = guest.data().profile.clock.now().unix_nanos();
        if clock > 1 { NOTSUP } else { errno(write_all(&mut guest, &[(out, &now.to_le_bytes())])) }
    })?;
    linker.func_wrap(module, "random_get", |mut guest: Guest<'_>, at: u32, len: u32| random(&mut guest, at, len))?;
    linker.func_wrap(
        module,
        "poll_oneoff",
        |mut guest: Guest<'_>, _subscriptions: u32, _events: u32, _count: u32, out: u32| {
            errno(write_all(&mut guest, &[(out, &[0; 4])]))
        },
    )?;
    linker.func_wrap(module, "proc_exit", |mut guest: Guest<'_>, code: u32| {
        log::tell(guest.data_mut(), LogLevel::Warn, format!("proc_exit({code})").as_bytes());
    })?;
    Ok(())
}

/// The two streams a guest can write to.
fn link_streams(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "fd_write",
        |mut guest: Guest<'_>, stream: u32, pieces: u32, count: u32, written: u32| {
            write_stream(&mut guest, stream, (pieces, count), written)
        },
    )?;
    linker.func_wrap(module, "fd_fdstat_get", |mut guest: Guest<'_>, stream: u32, out: u32| {
        // A character device (2) in bytes 0, and the right to write (1 << 6) from byte 8 on.
        let mut stat = [0; 24];
        stat[0] = 2;
        stat[8] = 1 << 6;
        if matches!(stream, 1 | 2) { errno(write_all(&mut guest, &[(out, &stat)])) } else { BADF }
    })?;
    Ok(())
}

fn errno(outcome: Result<(), Status>) -> u32 {
    match outcome {
        Ok(()) => SUCCESS,
        Err(_) => FAULT,
    }
}

fn write_all(guest: &mut Guest<'_>, values: &[(u32, &[u8])]) -> Result<(), Status> {
    let (memory, _) = split(guest)?;
    values.iter().try_for_each(|(at, value)| memory::write(memory, *at, value))
}

/// Chance from the system: guests seed hash maps with it, and may sign with it.
fn random(guest: &mut Guest<'_>, at: u32, len: u32) -> u32 {
    static SOURCE: OnceLock<Option<File>> = OnceLock::new();
    if len > RANDOM_BYTES_MAX {
        return INVAL;
    }
    let mut bytes = vec![0; len as usize];
    let source = SOURCE.get_or_init(|| File::open("/dev/urandom").ok());
    match source.as_ref().map(|mut file| file.read_exact(&mut bytes)) {
        Some(Ok(())) => errno(write_all(guest, &[(at, &bytes)])),
        _ => IO,
    }
}

/// Logs what a guest writes to its standard streams, one line per write.
fn write_stream(guest: &mut Guest<'_>, stream: u32, pieces: (u32, u32), written: u32) -> u32 {
    let level = match stream {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return BADF,
    };
    let (at, count) = pieces;
    if count > PIECES_MAX {
        return INVAL;
    }
    errno(gather(guest, at, count).and_then(|text| {
        if !text.is_empty() {
            log::heed(guest.data_mut(), level, text.strip_suffix(b"\n").unwrap_or(&text));
        }
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        write_all(guest, &[(written, &bytes.to_le_bytes())])
    }))
}

/// The pieces of one write, put together. Pieces may overlap, so their sum is bounded by what a log line can use.
fn gather(guest: &mut Guest<'_>, at: u32, count: u32) -> Result<Vec<u8>, Status> {
    let (memory, state) = split(guest)?;
    let mut text = Vec::new();
    for piece in 0..count {
        let entry = at.checked_add(piece * 8).ok_or(Status::InvalidMemoryAccess)?;
        let length_at = entry.checked_add(4).ok_or(Status::InvalidMemoryAccess)?;
        let piece = Slice::new(memory::read_u32(memory, entry)?, memory::read_u32(memory, length_at)?);
        text.extend_from_slice(piece.read(memory)?);
        if text.len() as u64 > state.profile.limits.memory_bytes_max {
            return Err(Status::InvalidMemoryAccess);
        }
    }
    Ok(text)
}
