//! What the filters of one exchange share besides its messages.
//!
//! One `Notes` per run travels from instance to instance: the facts of the stream, what filters want of origin and cache,
//! the properties that one of them leaves for the next, and the calls that they wish for.

use std::borrow::Cow;

use http::StatusCode;

use super::abi::Status;
use super::bodies::direction::Direction;
use super::cache_verbs::CacheVerbs;
use super::calls::outcall::Outcall;
use super::draft::Draft;
use super::stream::Stream;

/// Bytes of all properties of one exchange, names and values. Envoy has no bound; what filters pass on is small: a user
/// id, a verdict, a variant.
const PROPERTY_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Notes {
    pub(super) stream: Stream,
    /// The status that the response callbacks saw, readable to the end.
    pub(super) status: Option<StatusCode>,
    /// Why the response is what it is, in Envoy's words where it has one; `None` until that is known.
    pub(super) details: Option<Cow<'static, str>>,
    pub(super) marks: Draft<Marks>,
    pub(super) resized: Resized,
    /// Calls made in the callback at hand.
    pub(super) wished: Vec<Outcall>,
    /// All that were made.
    pub(super) calls_made: usize,
}

/// Whose `Content-Length` a guest took out: it may change how long the body is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resized {
    request: bool,
    response: bool,
}

impl Resized {
    pub(super) fn set(&mut self, direction: Direction) {
        match direction {
            Direction::Request => self.request = true,
            Direction::Response => self.response = true,
        }
    }

    pub(super) fn has(self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }
}

impl Notes {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            status: None,
            details: None,
            marks: Draft::new(Marks::default()),
            resized: Resized::default(),
            wished: Vec::new(),
            calls_made: 0,
        }
    }
}

/// What filters have left on the exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    /// The origin that a filter chose.
    pub(super) origin: Option<String>,
    /// What filters want of the cache.
    pub(super) verbs: Option<Box<CacheVerbs>>,
    properties: Vec<Property>,
}

#[derive(Debug, Clone)]
struct Property {
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Marks {
    pub(super) fn property(&self, name: &[u8]) -> Option<&[u8]> {
        self.properties.iter().find(|property| property.name == name).map(|property| &property.value[..])
    }

    /// All of them, names and values.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.properties.iter().map(|property| (&property.name[..], &property.value[..]))
    }

    /// Stores a property, in the place of an earlier one of that name; `InternalFailure` where there is no room.
    pub(super) fn store(&mut self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        let others = self.properties.iter().filter(|property| property.name != name);
        let used: usize = others.map(|property| property.name.len() + property.value.len()).sum();
        if used + name.len() + value.len() > PROPERTY_BYTES_MAX {
            return Err(Status::InternalFailure);
        }
        match self.properties.iter_mut().find(|property| property.name == name) {
            Some(property) => property.value = value.to_vec(),
            None => self.properties.push(Property { name: name.to_vec(), value: value.to_vec() }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_takes_the_place_of_an_earlier_one() {
        let mut marks = Marks::default();
        marks.store(b"user", b"ada").unwrap();
        marks.store(b"user", b"grace").unwrap();
        assert_eq!(marks.property(b"user"), Some(&b"grace"[..]));
        assert_eq!(marks.property(b"other"), None);
    }

    #[test]
    fn properties_are_bounded_and_the_full_case_changes_nothing() {
        let mut marks = Marks::default();
        let most = vec![b'x'; PROPERTY_BYTES_MAX - 1];
        marks.store(b"a", &most).unwrap();
        assert_eq!(marks.store(b"b", b""), Err(Status::InternalFailure));
        assert_eq!(marks.store(b"a", &vec![b'x'; PROPERTY_BYTES_MAX]), Err(Status::InternalFailure));
        assert_eq!(marks.property(b"a"), Some(&most[..]));
        marks.store(b"a", b"").unwrap();
        marks.store(b"b", b"room again").unwrap();
    }
}
