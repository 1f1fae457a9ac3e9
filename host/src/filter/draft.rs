//! A value that a guest may change, and that can be put back as it was.
//!
//! A filter with `on_error = "fail_open"` must leave no trace of a callback it failed in, so what it changes keeps its
//! before-image until the callback is over. The copy is made at the first change, not before: most callbacks change
//! little, and filters that fail closed need none.

/// Whether changes can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undo {
    Kept,
    NotKept,
}

#[derive(Debug)]
pub(super) struct Draft<T> {
    value: T,
    before: Option<Box<T>>,
    undo: Undo,
}

impl<T: Clone> Draft<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, before: None, undo: Undo::NotKept }
    }

    /// Starts a callback whose changes are undone, or not, if it fails.
    pub(super) fn begin(&mut self, undo: Undo) {
        self.before = None;
        self.undo = undo;
    }

    pub(super) fn get(&self) -> &T {
        &self.value
    }

    /// The value, to be changed.
    pub(super) fn change(&mut self) -> &mut T {
        if self.undo == Undo::Kept && self.before.is_none() {
            self.before = Some(Box::new(self.value.clone()));
        }
        &mut self.value
    }

    /// Puts back what `begin` found, as far as changes are kept.
    pub(super) fn revert(&mut self) {
        if let Some(before) = self.before.take() {
            self.value = *before;
        }
    }

    /// Exchanges the value for `other`, outside of any callback.
    pub(super) fn swap(&mut self, other: &mut T) {
        std::mem::swap(&mut self.value, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverts_to_the_state_before_the_first_change() {
        let mut draft = Draft::new(1);
        draft.begin(Undo::Kept);
        *draft.change() = 2;
        *draft.change() = 3;
        draft.revert();
        assert_eq!(*draft.get(), 1);
    }

    #[test]
    fn keeps_changes_of_an_earlier_callback() {
        let mut draft = Draft::new(1);
        draft.begin(Undo::Kept);
        *draft.change() = 2;
        draft.begin(Undo::Kept);
        draft.revert();
        assert_eq!(*draft.get(), 2);
    }

    #[test]
    fn keeps_no_copy_where_nothing_is_undone() {
        let mut draft = Draft::new(1);
        draft.begin(Undo::NotKept);
        *draft.change() = 2;
        draft.revert();
        assert_eq!(*draft.get(), 2);
    }
}
