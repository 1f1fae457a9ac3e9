//! Reading a segment record by record, where it has no footer: after a kill, or where the footer is damaged.
//!
//! Only headers are looked at. What stands between two of them is known to be damaged by the gap in their sequences.

use super::device::{DeviceFile, read_whole};
use super::footer::{Line, MARK_BYTES, Mark};
use super::record::{ALIGNMENT, HEADER_BYTES, Header};
use super::segment::SEGMENT_HEADER_BYTES;

/// How far a look for the next record reads at once.
const WINDOW_BYTES: usize = 64 * 1024;

/// How the records of a segment end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With the last one, or with a footer that counts them.
    Whole,
    /// In the middle of one: the writer was killed.
    Torn,
    /// With bytes that may have been records.
    Damaged,
}

/// What a walk found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// Every record whose header is right, in order.
    pub(super) lines: Vec<Line>,
    pub(super) end: End,
}

/// What stands at a position.
enum Sight {
    Record(Header),
    /// The start of a record, and the end of the file before its end.
    Cut,
    Footer(Mark),
    Nothing,
}

/// Looks at all records of a segment whose file is `length` bytes long. Bytes that cannot be read are damaged.
pub(super) fn walk(file: &impl DeviceFile, length: u64, seal: u64) -> Walk {
    let mut walk = Walk { lines: Vec::new(), end: End::Whole };
    let mut at = SEGMENT_HEADER_BYTES;
    while at < length {
        match look(file, at, length, seal) {
            Sight::Record(header) => {
                walk.lines.push(Line::new(&header, at));
                walk.end = End::Whole;
                at += header.record_bytes();
            }
            Sight::Cut => {
                // After a damaged place it does not matter any more.
                if walk.end == End::Whole {
                    walk.end = End::Torn;
                }
                break;
            }
            Sight::Footer(mark) => {
                let complete = mark.count as usize == walk.lines.len();
                walk.end = if complete { End::Whole } else { End::Damaged };
                break;
            }
            Sight::Nothing => {
                walk.end = End::Damaged;
                let Some(next) = search(file, at + ALIGNMENT, length, seal) else { break };
                at = next;
            }
        }
    }
    walk
}

fn look(file: &impl DeviceFile, at: u64, length: u64, seal: u64) -> Sight {
    let mut bytes = [0; HEADER_BYTES];
    let left = usize::try_from(length - at).unwrap_or(usize::MAX).min(HEADER_BYTES);
    let bytes = &mut bytes[..left];
    if read_whole(file, at, bytes).is_err() {
        return Sight::Nothing;
    }
    if let Some(mark) = Mark::decode(bytes, seal) {
        return Sight::Footer(mark);
    }
    if left < HEADER_BYTES {
        return Sight::Cut;
    }
    match Header::decode(bytes, seal).ok().or_else(|| Header::repair(bytes, seal)) {
        Some(header) if header.record_bytes() > length - at => Sight::Cut,
        Some(header) => Sight::Record(header),
        None => Sight::Nothing,
    }
}

/// The next position from `at` on where a record or a footer starts.
fn search(file: &impl DeviceFile, mut at: u64, length: u64, seal: u64) -> Option<u64> {
    let mut window = vec![0; WINDOW_BYTES];
    while at + MARK_BYTES as u64 <= length {
        let left = usize::try_from(length - at).unwrap_or(usize::MAX).min(WINDOW_BYTES);
        // The last header of a window may reach into the next one, which therefore begins with it.
        let step = if left == WINDOW_BYTES { WINDOW_BYTES - HEADER_BYTES } else { left };
        let window = &mut window[..left];
        if read_whole(file, at, window).is_ok() {
            let starts = |from: &usize| {
                Header::decode(&window[*from..], seal).is_ok() || Mark::decode(&window[*from..], seal).is_some()
            };
            if let Some(from) = (0..step).step_by(ALIGNMENT as usize).find(starts) {
                return Some(at + from as u64);
            }
        }
        at += step as u64;
    }
    None
}

#[cfg(test)]
mod tests;
