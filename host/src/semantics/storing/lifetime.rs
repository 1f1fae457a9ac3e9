//! What gave a stored response its lifetime, for whoever asks why it is fresh.

/// In the order in which they are asked, but for the last, which comes before all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LifetimeSource {
    /// A field that speaks to caches in front of an origin.
    Targeted,
    SMaxage,
    MaxAge,
    Expires,
    /// The route's lifetime for this status.
    StatusTtl,
    /// The route's `default_ttl`.
    DefaultTtl,
    /// A tenth of the time since `Last-Modified`.
    Heuristic,
    /// Nothing: it is validated before every use.
    #[default]
    Nothing,
    /// A filter.
    Filter,
}

impl LifetimeSource {
    /// All of them. Stored responses name theirs by its place here, so new ones are added at the end.
    pub const ALL: [Self; 9] = [
        Self::Targeted,
        Self::SMaxage,
        Self::MaxAge,
        Self::Expires,
        Self::StatusTtl,
        Self::DefaultTtl,
        Self::Heuristic,
        Self::Nothing,
        Self::Filter,
    ];

    /// The stable word for explanations.
    pub fn word(self) -> &'static str {
        match self {
            Self::Targeted => "targeted",
            Self::SMaxage => "s_maxage",
            Self::MaxAge => "max_age",
            Self::Expires => "expires",
            Self::StatusTtl => "status_ttl",
            Self::DefaultTtl => "default_ttl",
            Self::Heuristic => "heuristic",
            Self::Nothing => "nothing",
            Self::Filter => "filter",
        }
    }
}
