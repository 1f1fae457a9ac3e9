//! Reading a segment record by record, where it has no footer: after a kill, or where the footer is damaged.

use std::io;

use super::device::DeviceFile;
use super::record::{ALIGNMENT, HEADER_BYTES, Header, KeyHash};
use super::segment::{Line, SEGMENT_HEADER_BYTES};

/// How the walk through a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole record.
    Whole,
    /// In the middle of a record, which was being written when the writer died: this key's, where its header is there.
    Torn(Option<KeyHash>),
}

/// What a walk found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// Every record whose header is right, in order.
    pub(super) lines: Vec<Line>,
    /// How many of them stand before the last damaged place: records that were lost there may have replaced any of these
    /// and any older ones.
    pub(super) doubtful: usize,
    /// Where the next record would stand.
    pub(super) position: u64,
    pub(super) end: End,
}

/// Reads all headers of a segment. Records after a damaged place are found again by their checksums.
pub(super) fn walk(file: &impl DeviceFile, seal: u64) -> io::Result<Walk> {
    let length = file.length()?;
    let mut walk = Walk { lines: Vec::new(), doubtful: 0, position: SEGMENT_HEADER_BYTES, end: End::Whole };
    let mut at = SEGMENT_HEADER_BYTES;
    let mut damaged = false;
    let mut header = [0; HEADER_BYTES];
    while at < length {
        let read = file.read_at(at, &mut header)?;
        match Header::decode(&header[..read], seal) {
            Ok(found) if at + found.record_bytes() > length => {
                walk.end = End::Torn(Some(found.key));
                break;
            }
            Ok(found) => {
                if std::mem::take(&mut damaged) {
                    walk.doubtful = walk.lines.len();
                }
                walk.lines.push(Line::new(&found, at));
                at += found.record_bytes();
                walk.position = at;
                walk.end = End::Whole;
            }
            // A writer that was killed leaves the first bytes of a record, never wrong ones.
            Err(_) if read < HEADER_BYTES && !damaged => {
                walk.end = End::Torn(None);
                break;
            }
            Err(_) => {
                damaged = true;
                at += ALIGNMENT;
            }
        }
    }
    if damaged {
        walk.doubtful = walk.lines.len();
    }
    Ok(walk)
}
