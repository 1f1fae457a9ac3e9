//! `[cache.disk]`: where the disk tier lies, how large it may grow, and what may enter it.

use crate::config::bound;
use crate::config::model::{Admission, Disk};
use crate::config::section::Section;
use crate::config::size::ByteSize;

const ADMISSIONS: [(&str, Admission); 2] = [("all", Admission::All), ("second_request", Admission::SecondRequest)];

/// Segments that the size holds at least, so that giving up the oldest leaves most of what is stored.
const SEGMENTS_MIN: u64 = 8;

/// The largest object takes at most this share of the size, so that one download cannot empty the tier.
const OBJECT_SHARE: u64 = 4;

pub(super) fn check(section: &mut Section<'_>) -> Option<Disk> {
    let path = section.required("path", "the folder it lies in, as in path = \"/var/cache/forebay\"");
    let size = section.required("size", "the bytes it may take, as in size = \"10GiB\"");
    let path = path.and_then(|field| field.file_path());
    let bytes_max = size.and_then(|field| field.size(&bound::DISK_SIZE));
    let most = bytes_max.unwrap_or(bound::DISK_SIZE.most);
    let disk = Disk {
        path: path.clone().unwrap_or_default(),
        bytes_max: most,
        object_bytes_max: bounded(section, "object_max", &bound::DISK_OBJECT_MAX, most / OBJECT_SHARE),
        segment_bytes: bounded(section, "segment_size", &bound::DISK_SEGMENT_SIZE, most / SEGMENTS_MIN),
        queue_bytes_max: section.bytes("queue", &bound::DISK_QUEUE),
        admission: section.choice("admission", &ADMISSIONS),
        admission_window: section.duration("admission_window", &bound::DISK_ADMISSION_WINDOW),
        write_rate: section.field("write_rate").and_then(|field| field.size(&bound::DISK_WRITE_RATE)),
        reads_max: section.count("reads_max", &bound::DISK_READS_MAX),
    };
    path.and(bytes_max).map(|_| disk)
}

/// A size that is bounded by another one: a written one is refused above that, the default gives way.
fn bounded(section: &mut Section<'_>, key: &'static str, bound: &bound::Bound<u64>, most: u64) -> u64 {
    match section.field(key).map(|field| (field.size(bound), field)) {
        Some((Some(bytes), field)) => {
            if bytes > most {
                let most = ByteSize(most).to_string();
                field.fault(format!("\"{}\" is too large for this size; write {most:?} or less", ByteSize(bytes)));
            }
            bytes
        }
        _ => bound.default.min(most),
    }
}
