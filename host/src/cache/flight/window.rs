//! The bytes of a body that are held in memory while it comes: a stretch of it, which grows at its end and is let go from
//! its start.
//!
//! A flight holds it under its lock. It knows positions, and nobody who reads.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

#[derive(Default)]
pub(super) struct Window {
    /// Each with its position in the body. They follow each other without a gap.
    chunks: VecDeque<(u64, Bytes)>,
    end: u64,
}

impl Window {
    /// With nothing in it, where the body is here up to `end` in another way.
    pub(super) fn empty_at(end: u64) -> Self {
        Self { chunks: VecDeque::new(), end }
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            let start = self.end;
            self.end += chunk.len() as u64;
            self.chunks.push_back((start, chunk));
        }
    }

    /// The position of the first byte that is here.
    pub(super) fn start(&self) -> u64 {
        self.chunks.front().map_or(self.end, |(start, _)| *start)
    }

    /// How far the body has come.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are here.
    pub(super) fn held(&self) -> u64 {
        self.end - self.start()
    }

    /// The bytes from a position to the end of the piece they came in; `None` where they are not here.
    pub(super) fn at(&self, position: u64) -> Option<Bytes> {
        let after = self.chunks.partition_point(|(start, _)| *start <= position);
        let (start, chunk) = self.chunks.get(after.checked_sub(1)?)?;
        // It lies behind the start of a chunk in memory.
        let within = usize::try_from(position - start).ok()?;
        (within < chunk.len()).then(|| chunk.slice(within..))
    }

    /// Lets the first pieces go, for as long as one may: told where it ends and how much is held.
    pub(super) fn let_go(&mut self, may: impl Fn(u64, u64) -> bool) {
        while let Some((start, chunk)) = self.chunks.front()
            && may(start + chunk.len() as u64, self.held())
        {
            self.chunks.pop_front();
        }
    }

    /// All that is here in one buffer.
    pub(super) fn joined(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(usize::try_from(self.held()).unwrap_or(0));
        self.chunks.iter().for_each(|(_, chunk)| whole.extend_from_slice(chunk));
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        let mut window = Window::default();
        ["abc", "", "d", "ef"].iter().for_each(|piece| window.push(Bytes::from_static(piece.as_bytes())));
        window
    }

    #[test]
    fn every_position_is_found_in_its_piece() {
        let found: Vec<_> = (0..7).map(|position| window().at(position)).collect();
        let expected = [Some("abc"), Some("bc"), Some("c"), Some("d"), Some("ef"), Some("f"), None];
        assert_eq!(found, expected.map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes()))));
    }

    #[test]
    fn what_is_let_go_is_not_found_and_the_rest_is() {
        let mut window = window();
        window.let_go(|end, held| end <= 4 && held > 2);
        assert_eq!((window.start(), window.end(), window.held()), (4, 6, 2));
        assert_eq!((window.at(3), window.at(4)), (None, Some(Bytes::from_static(b"ef"))));
        assert_eq!(window.joined(), "ef");
        window.let_go(|_, _| true);
        assert_eq!((window.start(), window.end(), window.at(5)), (6, 6, None));
        window.push(Bytes::from_static(b"g"));
        assert_eq!(window.at(6), Some(Bytes::from_static(b"g")));
    }

    #[test]
    fn a_body_that_is_here_in_another_way_leaves_nothing_to_hold() {
        let window = Window::empty_at(10);
        assert_eq!((window.start(), window.end(), window.held(), window.at(9)), (10, 10, 0, None));
    }
}
