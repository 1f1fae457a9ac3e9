//! A stored response as bytes: the meta of its record. The body stands beside it, or in slices elsewhere.
//!
//! Everything that was decided when it was stored is in it, so that a response is read as it was, and judged anew only
//! by purges. The first byte is the version of this layout; another one is no response here.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::layout::{put_bytes, put_option, take_bytes, take_option};
use crate::cache::entry::{Aside, Head};
use crate::cache::forms::Forms;
use crate::clock::Timestamp;
use crate::semantics::{Freshness, LifetimeSource, Selection};

/// The version of the layout.
const VERSION: u8 = 1;

/// Where the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Beside the meta.
    Inline,
    /// In slices of this generation, so many bytes in all.
    Sliced { generation: u64, total: u64 },
}

/// A stored response without its body.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) key: Bytes,
    /// Of the spec that it is a variant by; 0 where it is the only one of its key.
    pub(super) generation: u64,
    /// The last purge before it was looked for.
    pub(super) epoch: u64,
    pub(super) extent: Extent,
    pub(super) head: Head,
}

const VALIDATE_ALWAYS: u8 = 1;
const NEVER_STALE: u8 = 2;
const IMMUTABLE: u8 = 4;
const CODED: u8 = 8;

/// The meta of a response.
pub(super) fn encode(key: &str, generation: u64, epoch: u64, (extent, head): (Extent, &Head)) -> Bytes {
    let headers = head.whole();
    let text: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 8).sum();
    let mut meta = Vec::with_capacity(text + key.len() + 160);
    meta.put_u8(VERSION);
    put_bytes(&mut meta, key.as_bytes());
    meta.put_u64_le(generation);
    meta.put_u64_le(epoch);
    let (generation, total) = match extent {
        Extent::Inline => (0, 0),
        Extent::Sliced { generation, total } => (generation, total),
    };
    meta.put_u8(u8::from(extent != Extent::Inline));
    meta.put_u64_le(generation);
    meta.put_u64_le(total);
    put_head(&mut meta, head);
    put_selection(&mut meta, &head.selection);
    meta.put_u16_le(u16::try_from(headers.len()).unwrap_or(u16::MAX));
    for (name, value) in &headers {
        put_bytes(&mut meta, name.as_str().as_bytes());
        put_bytes(&mut meta, value.as_bytes());
    }
    meta.into()
}

fn put_head(meta: &mut Vec<u8>, head: &Head) {
    let Freshness { lifetime, initial_age, while_revalidate, if_error, source, .. } = head.freshness;
    let flag = |is: bool, bit: u8| if is { bit } else { 0 };
    meta.put_u16_le(head.status.as_u16());
    meta.put_u64_le(head.received.unix_nanos());
    [lifetime, initial_age, while_revalidate, if_error].iter().for_each(|time| put_duration(meta, *time));
    meta.put_u8(
        flag(head.freshness.validate_always, VALIDATE_ALWAYS)
            | flag(head.freshness.never_stale, NEVER_STALE)
            | flag(head.freshness.immutable, IMMUTABLE)
            | flag(head.forms.is_some(), CODED),
    );
    meta.put_u8(LifetimeSource::ALL.iter().position(|one| *one == source).unwrap_or_default() as u8);
    meta.put_u8(u8::from(head.length.is_some()));
    meta.put_u64_le(head.length.unwrap_or_default());
}

fn put_duration(meta: &mut Vec<u8>, time: Duration) {
    meta.put_u64_le(time.as_secs());
    meta.put_u32_le(time.subsec_nanos());
}

fn put_selection(meta: &mut Vec<u8>, selection: &Selection) {
    let fields: Vec<_> = selection.fields().collect();
    meta.put_u16_le(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    for (name, value) in fields {
        put_bytes(meta, name.as_str().as_bytes());
        put_option(meta, value);
    }
}

/// The response that a meta is of; `None` where it is of another version or makes no sense. Values of fields are slices of
/// `meta`.
pub(super) fn decode(mut meta: Bytes) -> Option<Form> {
    let meta = &mut meta;
    if meta.try_get_u8().ok()? != VERSION {
        return None;
    }
    let key = take_bytes(meta)?;
    let (generation, epoch) = (meta.try_get_u64_le().ok()?, meta.try_get_u64_le().ok()?);
    let sliced = meta.try_get_u8().ok()?;
    let (slices, total) = (meta.try_get_u64_le().ok()?, meta.try_get_u64_le().ok()?);
    let extent = match sliced {
        0 => Extent::Inline,
        1 => Extent::Sliced { generation: slices, total },
        _ => return None,
    };
    let status = StatusCode::from_u16(meta.try_get_u16_le().ok()?).ok()?;
    let received = Timestamp::from_unix(Duration::from_nanos(meta.try_get_u64_le().ok()?));
    let (freshness, coded) = take_freshness(meta)?;
    let has_length = meta.try_get_u8().ok()? == 1;
    let length = meta.try_get_u64_le().ok().map(|length| has_length.then_some(length))?;
    let fields = take_fields(meta)?;
    let headers = take_headers(meta)?;
    let selection = Selection::restored(fields, &headers);
    let forms = coded.then(|| Arc::new(Forms::default()));
    let head = Head { status, headers, freshness, received, selection, length, forms, aside: Aside::default() };
    meta.is_empty().then(|| Form { key, generation, epoch, extent, head: head.sorted() })
}

/// The terms, and whether the body may be coded.
fn take_freshness(meta: &mut Bytes) -> Option<(Freshness, bool)> {
    let lifetime = take_duration(meta)?;
    let initial_age = take_duration(meta)?;
    let while_revalidate = take_duration(meta)?;
    let if_error = take_duration(meta)?;
    let flags = meta.try_get_u8().ok()?;
    let source = *LifetimeSource::ALL.get(usize::from(meta.try_get_u8().ok()?))?;
    let freshness = Freshness {
        lifetime,
        initial_age,
        validate_always: flags & VALIDATE_ALWAYS != 0,
        never_stale: flags & NEVER_STALE != 0,
        while_revalidate,
        if_error,
        immutable: flags & IMMUTABLE != 0,
        source,
    };
    Some((freshness, flags & CODED != 0))
}

fn take_duration(meta: &mut Bytes) -> Option<Duration> {
    let (seconds, nanos) = (meta.try_get_u64_le().ok()?, meta.try_get_u32_le().ok()?);
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

fn take_fields(meta: &mut Bytes) -> Option<Vec<(HeaderName, Option<Vec<u8>>)>> {
    let count = meta.try_get_u16_le().ok()?;
    (0..count)
        .map(|_| {
            let name = HeaderName::from_bytes(&take_bytes(meta)?).ok()?;
            Some((name, take_option(meta)?.map(|value| value.to_vec())))
        })
        .collect()
}

fn take_headers(meta: &mut Bytes) -> Option<HeaderMap> {
    let count = meta.try_get_u16_le().ok()?;
    // Each takes eight bytes at least, so a count that cannot be claims no memory.
    let mut headers = HeaderMap::with_capacity(usize::from(count).min(meta.len() / 8));
    for _ in 0..count {
        let name = HeaderName::from_bytes(&take_bytes(meta)?).ok()?;
        let value = HeaderValue::from_maybe_shared(take_bytes(meta)?).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> Head {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let request = HeaderMap::from_iter([(HeaderName::from_static("x-a"), HeaderValue::from_static("1"))]);
        Head {
            status: StatusCode::NOT_FOUND,
            freshness: Freshness {
                lifetime: Duration::from_millis(61_500),
                initial_age: Duration::MAX,
                never_stale: true,
                immutable: true,
                if_error: Duration::from_secs(3),
                source: LifetimeSource::Heuristic,
                ..Freshness::default()
            },
            received: Timestamp::from_unix(Duration::from_nanos(1_234_567_890_123_456_789)),
            selection: Selection::of(&headers, &request),
            length: Some(17),
            forms: Some(Arc::default()),
            aside: Aside::default(),
            headers,
        }
        .settled()
    }

    fn vary() -> Head {
        head(&[("vary", "x-a, x-b"), ("surrogate-key", "one two"), ("etag", "\"1\""), ("content-language", "de")])
    }

    #[test]
    fn written_and_read_again_it_is_the_same() {
        let extents = [Extent::Inline, Extent::Sliced { generation: 7, total: 1 << 40 }];
        for (head, extent) in [(vary(), extents[0]), (head(&[]), extents[1])] {
            let form = decode(encode("http://a.example/x y=1", 9, 42, (extent, &head))).expect("a response");
            assert_eq!((&form.key[..], form.generation, form.epoch), (&b"http://a.example/x y=1"[..], 9, 42));
            assert_eq!((form.extent, form.head.status, form.head.received), (extent, head.status, head.received));
            assert_eq!((&form.head.headers, &form.head.freshness), (&head.headers, &head.freshness));
            assert_eq!((&form.head.selection, form.head.length), (&head.selection, head.length));
            assert_eq!(form.head.aside.tags.names(), head.aside.tags.names());
            assert_eq!(form.head.whole(), head.whole());
            assert_eq!(form.head.forms.is_some(), head.forms.is_some());
        }
    }

    #[test]
    fn another_version_and_cut_bytes_are_no_response() {
        let whole = encode("http://a.example/", 0, 0, (Extent::Inline, &vary()));
        let mut other = whole.to_vec();
        other[0] += 1;
        assert!(decode(other.into()).is_none());
        assert!((0..whole.len()).all(|length| decode(whole.slice(..length)).is_none()));
        assert!(decode([&whole[..], b"x"].concat().into()).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<proptest::sample::Index>(),
        ) {
            _ = decode(bytes.clone().into());
            let whole = encode("http://a.example/", 0, 0, (Extent::Inline, &vary()));
            bytes.truncate(8);
            let at = at.index(whole.len());
            let mut damaged = whole.to_vec();
            let end = (at + bytes.len()).min(damaged.len());
            damaged[at..end].copy_from_slice(&bytes[..end - at]);
            _ = decode(damaged.into());
        }
    }
}
