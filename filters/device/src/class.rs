//! The classes of devices, and by which words of a user agent they are known.

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Mobile,
    Tablet,
    Desktop,
    Bot,
}

const BOTS: [&str; 6] = ["bot", "crawler", "spider", "slurp", "facebookexternalhit", "lighthouse"];
const TABLETS: [&str; 5] = ["ipad", "tablet", "kindle", "silk/", "playbook"];
const MOBILES: [&str; 6] = ["mobi", "iphone", "ipod", "windows phone", "opera mini", "blackberry"];

impl Class {
    /// The class in the header and the cache key.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Desktop => "desktop",
            Self::Bot => "bot",
        }
    }

    /// By user agent; the client hint (`?1` or `?0`) decides where that names neither bot nor tablet.
    pub(crate) fn of(agent: &str, mobile_hint: Option<&str>) -> Self {
        let agent = agent.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        // Android without "mobile" is how tablets say what they are.
        let android_tablet = agent.contains("android") && !agent.contains("mobi");
        match mobile_hint.map(str::trim) {
            _ if names(&BOTS) => Self::Bot,
            _ if names(&TABLETS) => Self::Tablet,
            Some("?1") => Self::Mobile,
            _ if android_tablet => Self::Tablet,
            Some("?0") => Self::Desktop,
            _ if names(&MOBILES) => Self::Mobile,
            _ => Self::Desktop,
        }
    }
}
