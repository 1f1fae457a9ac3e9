//! How it comes that every exchange finds a filter's image.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Renewal {
    /// In one instance, whose written pages are put back after each.
    Pages,
    /// In an instance of its own, into which the whole image is copied. It takes nothing of the platform, and more time.
    Copies,
}
