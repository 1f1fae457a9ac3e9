//! The kinds of scope that purges are recorded by.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cache) enum ScopeKind {
    All,
    /// Any tag or group.
    Tagged,
    Host,
    Url,
    /// A URL without its query, beside each URL: where one key stands for several queries, nobody can tell from a key
    /// which ones, so a purge of any concerns it.
    Path,
    Prefix,
    Tag,
    Group,
}

impl ScopeKind {
    const EVERY: [Self; 8] =
        [Self::All, Self::Tagged, Self::Host, Self::Url, Self::Path, Self::Prefix, Self::Tag, Self::Group];

    /// The word of the purges that are recorded under it.
    pub(in crate::cache) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Host => "host",
            Self::Url | Self::Path => "url",
            Self::Prefix => "prefix",
            Self::Tag | Self::Tagged => "tag",
            Self::Group => "group",
        }
    }

    /// How it is written down; never changed.
    pub(in crate::cache) fn code(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Tagged => 1,
            Self::Host => 2,
            Self::Url => 3,
            Self::Path => 4,
            Self::Prefix => 5,
            Self::Tag => 6,
            Self::Group => 7,
        }
    }

    pub(in crate::cache) fn of(code: u8) -> Option<Self> {
        Self::EVERY.into_iter().find(|kind| kind.code() == code)
    }
}
