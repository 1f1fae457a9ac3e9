//! A trace read back, and held to what it says of itself.
//!
//! Traces come from files, and files are cut, edited and mistaken for each other; each of these is told for what it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3Default;

use super::trace::{End, Exchange, FORMAT, FilterFacts, Line, Picture, Title};

/// The longest line that is read. The longest that is written holds an image of a memory that does not pack.
const LINE_BYTES_MAX: u64 = 512 << 20;

/// Why a file is no trace that could be replayed.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is no trace: its first line does not say so")]
    Foreign,
    #[error("it is of format {0}, and this version reads format {FORMAT}")]
    Format(u32),
    #[error("line {line}: {cause}")]
    Line { line: usize, cause: String },
    #[error("it ends before its last line: it was cut, or the recording broke off")]
    Cut,
    #[error("it is not as it was recorded: its checksum is another")]
    Changed,
}

#[derive(Debug)]
pub(in crate::filter) struct Trace {
    pub(in crate::filter) title: Title,
    pub(in crate::filter) filters: Vec<FilterFacts>,
    pub(in crate::filter) images: Vec<Picture>,
    pub(in crate::filter) exchanges: Vec<Exchange>,
    pub(in crate::filter) end: End,
}

impl Trace {
    pub(in crate::filter) fn open(path: &Path) -> Result<Self, TraceError> {
        Self::read(BufReader::new(File::open(path)?))
    }

    pub(in crate::filter) fn read(mut source: impl BufRead) -> Result<Self, TraceError> {
        let mut sum = Xxh3Default::new();
        let first = line(&mut source)?;
        let Ok(Line::Trace(title)) = serde_json::from_slice(&first) else { return Err(TraceError::Foreign) };
        if title.format != FORMAT {
            return Err(TraceError::Format(title.format));
        }
        sum.update(&first);
        let (mut filters, mut images, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = 1;
        let end = loop {
            number += 1;
            let text = line(&mut source)?;
            if text.last() != Some(&b'\n') {
                return Err(TraceError::Cut);
            }
            let told = |cause: String| TraceError::Line { line: number, cause };
            match serde_json::from_slice(&text).map_err(|error| told(error.to_string()))? {
                Line::Trace(_) => return Err(told("a second trace begins".to_owned())),
                Line::Filter(filter) => filters.push(filter),
                Line::Image(image) => images.push(image),
                Line::Exchange(exchange) => {
                    let known = filters.iter().any(|filter| filter.number == exchange.filter)
                        && images.iter().any(|image| image.number == exchange.image);
                    if !known {
                        return Err(told("the exchange is of a filter or an image without a line".to_owned()));
                    }
                    exchanges.push(exchange);
                }
                Line::End(end) => break end,
            }
            sum.update(&text);
        };
        let rest = source.bytes().next().is_some();
        if rest || end.xxh3 != format!("{:032x}", sum.digest128()) {
            return Err(TraceError::Changed);
        }
        Ok(Self { title, filters, images, exchanges, end })
    }
}

/// The next line with its end; nothing behind the last.
fn line(source: &mut impl BufRead) -> Result<Vec<u8>, TraceError> {
    let mut text = Vec::new();
    source.take(LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
    Ok(text)
}
