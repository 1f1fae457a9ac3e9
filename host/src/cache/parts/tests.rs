//! Parts against a plain model: one optional byte per place.

use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::cache::Aside;
use crate::clock::Timestamp;
use crate::semantics::{Freshness, Selection};

const TOTAL: u64 = 200;
const NO_LIMIT: u64 = 1 << 20;

fn head(tag: Option<&'static str>, received: u64) -> Head {
    let tag = tag.map(|tag| (header::ETAG, HeaderValue::from_static(tag)));
    Head {
        status: StatusCode::PARTIAL_CONTENT,
        headers: HeaderMap::from_iter(tag),
        freshness: Freshness::default(),
        received: Timestamp::from_unix(Duration::from_secs(received)),
        selection: Selection::default(),
        length: None,
        forms: None,
        aside: Aside::default(),
    }
}

/// The bytes of the whole are their places.
fn part_of(head: &Head, range: Range<u64>) -> Parts {
    let bytes: Vec<u8> = range.clone().map(|place| place as u8).collect();
    Parts::new(head, &ContentRange { range, total: TOTAL }, bytes.into(), 0)
}

fn part(range: Range<u64>) -> Parts {
    part_of(&head(Some("\"a\""), 1), range)
}

fn join(ranges: &[Range<u64>]) -> Parts {
    let (first, rest) = ranges.split_first().expect("a part");
    rest.iter().fold(part(first.clone()), |parts, range| parts.with(&part(range.clone()), NO_LIMIT))
}

#[test]
fn parts_that_touch_or_overlap_are_one_piece() {
    type Ranges<'a> = &'a [Range<u64>];
    let cases: [(Ranges<'_>, Ranges<'_>); 6] = [
        (&[0..5, 5..9], &[0..9]),
        (&[5..9, 0..5], &[0..9]),
        (&[0..5, 3..9], &[0..9]),
        (&[0..5, 6..9], &[0..5, 6..9]),
        (&[0..5, 6..9, 4..7], &[0..9]),
        (&[2..4, 6..8, 0..10], &[0..10]),
    ];
    for (ranges, pieces) in cases {
        let joined = join(ranges);
        assert_eq!(joined.pieces(), pieces, "{ranges:?}");
        assert_eq!(joined.chunks.len(), pieces.len(), "small neighbours share a buffer");
    }
}

#[test]
fn the_missing_bytes_are_one_range_from_the_first_to_the_last() {
    let parts = join(&[0..10, 20..30, 50..60]);
    let cases = [
        (0..10, None),
        (3..7, None),
        (0..20, Some(10..20)),
        (5..60, Some(10..50)),
        (0..200, Some(10..200)),
        (12..15, Some(12..15)),
        (12..25, Some(12..20)),
        (25..40, Some(30..40)),
        (55..200, Some(60..200)),
    ];
    for (wanted, expected) in cases {
        let missing = parts.missing(&wanted);
        assert_eq!(Some(missing.clone()).filter(|missing| !missing.is_empty()), expected, "{wanted:?}");
    }
}

#[test]
fn nothing_is_joined_without_the_same_strong_validator_and_length() {
    let first = part(0..10);
    for tag in [Some("\"b\""), Some("W/\"a\""), None] {
        let other = part_of(&head(tag, 2), 10..20);
        assert_eq!(first.with(&other, NO_LIMIT).pieces(), [10..20], "{tag:?}");
    }
    let weak = part_of(&head(None, 1), 0..10);
    assert_eq!(weak.with(&part_of(&head(None, 2), 10..20), NO_LIMIT).pieces(), [10..20]);
    let longer = Parts { total: TOTAL + 1, ..part(10..20) };
    assert_eq!(first.with(&longer, NO_LIMIT).pieces(), [10..20]);
    // What came earlier and is told later does not count.
    let newest = part_of(&head(Some("\"b\""), 2), 0..10);
    assert_eq!(newest.with(&part(10..20), NO_LIMIT).pieces(), [0..10]);
}

#[test]
fn the_newest_head_speaks_for_all() {
    let newer = part_of(&head(Some("\"a\""), 2), 10..20);
    for joined in [part(0..10).with(&newer, NO_LIMIT), newer.with(&part(0..10), NO_LIMIT)] {
        assert_eq!(joined.pieces(), [0..20]);
        assert_eq!(joined.head.received, Timestamp::from_unix(Duration::from_secs(2)));
    }
}

#[test]
fn no_byte_missing_makes_a_whole() {
    assert!(join(&[0..100, 101..200]).whole().is_none());
    let whole = join(&[0..100, 101..200, 90..110]).whole().expect("nothing is missing");
    let expected: Vec<u8> = (0..TOTAL).map(|place| place as u8).collect();
    assert_eq!((whole.content.here(), whole.head.status), (Some(&Bytes::from(expected)), StatusCode::OK));
    assert_eq!(whole.head.length, Some(TOTAL));
}

#[test]
fn crumbs_push_out_what_is_farthest() {
    let mut parts = part(0..1);
    for place in 1..100 {
        parts = parts.with(&part(2 * place..2 * place + 1), NO_LIMIT);
        assert!(parts.pieces().len() <= PIECES_MAX);
    }
    assert_eq!(parts.pieces().first(), Some(&(168..169)));
    assert!(parts.weight("k") < 2_000);
}

#[test]
fn bytes_above_the_limit_are_given_up() {
    let parts = part(0..50).with(&part(100..150), 100);
    assert_eq!(parts.pieces(), [0..50, 100..150]);
    assert_eq!(parts.with(&part(150..160), 100).pieces(), [100..160]);
    assert_eq!(part(0..50).with(&part(50..90), 80).pieces(), [50..90], "one piece begins anew");
}

#[test]
fn a_small_slice_lets_its_buffer_go() {
    let (long, short) = (part(0..100), part(0..99));
    let joined = short.with(&long, NO_LIMIT);
    let slice = &joined.slices(&(99..100))[0];
    assert_eq!(slice.as_ref(), [99]);
    assert_ne!(slice.as_ptr(), long.chunks[0].bytes[99..].as_ptr());
}

proptest! {
    #[test]
    fn joined_parts_are_what_a_byte_vector_says(
        ranges in prop::collection::vec((0..TOTAL, 1..60_u64), 1..14),
        wanted in (0..TOTAL, 1..TOTAL),
    ) {
        let cut = |(start, count): (u64, u64)| start..(start + count).min(TOTAL);
        let ranges: Vec<Range<u64>> = ranges.into_iter().map(cut).collect();
        let wanted = cut(wanted);
        let mut model = vec![None; TOTAL as usize];
        for range in &ranges {
            range.clone().for_each(|place| model[place as usize] = Some(place as u8));
        }
        let parts = join(&ranges);
        let here: Vec<u8> = parts.slices(&wanted).concat();
        let modelled = &model[wanted.start as usize..wanted.end as usize];
        prop_assert_eq!(here, modelled.iter().flatten().copied().collect::<Vec<u8>>());
        let absent = |place: &u64| model[*place as usize].is_none();
        let hull = wanted.clone().find(absent).zip(wanted.clone().rev().find(absent)).map(|(first, last)| first..last + 1);
        let missing = parts.missing(&wanted);
        prop_assert_eq!(Some(missing).filter(|missing| !missing.is_empty()), hull);
        prop_assert!(parts.chunks.windows(2).all(|pair| pair[0].end() <= pair[1].start));
        prop_assert_eq!(parts.whole().is_some(), model.iter().all(Option::is_some));
    }
}
