//! Byte ranges (RFC 9110 section 14): what a `Range` field asks of a representation of known length.
//!
//! A field that is not understood asks for nothing in particular: the whole is sent (section 14.2). Ranges that overlap
//! are sent as one, and a request for very many pieces gets the whole as well, because only an attack needs them.

use std::ops::Range;

use super::spec::RangeSpec;

/// Pieces in one answer, at most. Real clients ask for one; PDF readers for a handful.
const PIECES_MAX: usize = 16;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pieces {
    /// All of it: no range was asked for, or none that counts.
    Whole,
    /// These, each not empty and within the length, in the order asked for.
    Some(Vec<Range<u64>>),
    /// Nothing of what was asked for exists: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` field against a representation of `length` bytes.
pub fn pieces(field: &str, length: u64) -> Pieces {
    let Some((unit, set)) = field.split_once('=') else {
        return Pieces::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Pieces::Whole;
    }
    let mut found: Vec<Range<u64>> = Vec::new();
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        match RangeSpec::parse(spec).map(|spec| spec.within(length)) {
            None => return Pieces::Whole,
            Some(piece) if piece.is_empty() => {}
            Some(piece) => join(&mut found, piece),
        }
    }
    match found.len() {
        0 => Pieces::Unsatisfiable,
        1..=PIECES_MAX => Pieces::Some(found),
        _ => Pieces::Whole,
    }
}

/// Adds a piece, grown together with those that it touches.
fn join(found: &mut Vec<Range<u64>>, mut piece: Range<u64>) {
    found.retain(|other| {
        let touches = other.start <= piece.end && piece.start <= other.end;
        if touches {
            piece = piece.start.min(other.start)..piece.end.max(other.end);
        }
        !touches
    });
    found.push(piece);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_each_form_asks_for() {
        let some = |pieces: &[(u64, u64)]| Pieces::Some(pieces.iter().map(|(start, end)| *start..*end).collect());
        let cases = [
            ("bytes=0-0", some(&[(0, 1)])),
            ("bytes=2-4", some(&[(2, 5)])),
            ("Bytes = 2-4", some(&[(2, 5)])),
            ("bytes=5-", some(&[(5, 10)])),
            ("bytes=-3", some(&[(7, 10)])),
            ("bytes=-99", some(&[(0, 10)])),
            ("bytes=8-99999999999999999999999", some(&[(8, 10)])),
            ("bytes=0-1,4-5", some(&[(0, 2), (4, 6)])),
            ("bytes=0-4,3-6", some(&[(0, 7)])),
            ("bytes=6-7,0-1,2-5", some(&[(0, 8)])),
            ("bytes=20-30,1-1", some(&[(1, 2)])),
            ("bytes=10-", Pieces::Unsatisfiable),
            ("bytes=-0", Pieces::Unsatisfiable),
            ("bytes=18446744073709551615-", Pieces::Unsatisfiable),
            ("bytes=", Pieces::Unsatisfiable),
            ("bytes=4-2", Pieces::Whole),
            ("bytes=a-b", Pieces::Whole),
            ("bytes=1", Pieces::Whole),
            ("bytes=--1", Pieces::Whole),
            ("items=0-1", Pieces::Whole),
            ("junk", Pieces::Whole),
        ];
        for (field, expected) in cases {
            assert_eq!(pieces(field, 10), expected, "{field}");
        }
        assert_eq!(pieces("bytes=0-", 0), Pieces::Unsatisfiable);
        let many: String = (0..40).map(|i| format!("{}-{},", i * 4, i * 4)).collect();
        assert_eq!(pieces(&format!("bytes={many}"), 1_000), Pieces::Whole);
    }

    proptest! {
        #[test]
        fn every_piece_is_within_the_length(field in "(bytes=)?[0-9,-]{0,40}", length in any::<u64>()) {
            if let Pieces::Some(found) = pieces(&field, length) {
                for piece in found {
                    prop_assert!(piece.start < piece.end && piece.end <= length);
                }
            }
        }
    }
}
