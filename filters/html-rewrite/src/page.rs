//! Which responses are pages that can be rewritten, and what no longer holds of one that is.

use encoding_rs::Encoding;
use forebay_sdk::Response;
use lol_html::AsciiCompatibleEncoding;

/// A response that is rewritten: in which charset, where its head says so. Otherwise it is UTF-8 until a `meta` element
/// says another, as browsers have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) charset: Option<AsciiCompatibleEncoding>,
}

/// A page that is left as it is, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has a content coding.
    Coded,
    /// It is a part of a page.
    Part,
    /// In a charset that is unknown or no superset of ASCII, such as UTF-16.
    Charset,
    /// `no-transform` forbids it (RFC 9111 section 5.2.2.6).
    NoTransform,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Coded, Self::Part, Self::Charset, Self::NoTransform];

    /// The kind in metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Coded => "coded",
            Self::Part => "part",
            Self::Charset => "charset",
            Self::NoTransform => "no_transform",
        }
    }
}

impl Page {
    /// The page that a response is; an error where it is none, or one that must be left.
    pub(crate) fn of(response: &Response, types: &[String]) -> Result<Self, Option<Kind>> {
        let headers = response.headers();
        let content_type = headers.get("content-type").ok_or(None)?.to_ascii_lowercase();
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
        let partial = response.status() == 206;
        let media_type = media_type.trim();
        let in_parts = partial && media_type == "multipart/byteranges";
        if !in_parts && !types.iter().any(|listed| listed == media_type) {
            return Err(None);
        }
        if partial {
            return Err(Some(Kind::Part));
        }
        // A response that confirms a stored one, or has no content by its nature, has nothing to rewrite.
        if matches!(response.status(), 100..=199 | 204 | 304) {
            return Err(None);
        }
        let has = |name: &str, word: &str| {
            headers
                .get_all(name)
                .iter()
                .flat_map(|line| line.split(','))
                .any(|item| item.trim().eq_ignore_ascii_case(word))
        };
        if headers.get("content-encoding").is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
            return Err(Some(Kind::Coded));
        }
        if has("cache-control", "no-transform") {
            return Err(Some(Kind::NoTransform));
        }
        match charset(parameters) {
            None => Ok(Self::default()),
            Some(label) => {
                let encoding = Encoding::for_label_no_replacement(label.as_bytes());
                let charset = encoding.and_then(AsciiCompatibleEncoding::new).ok_or(Some(Kind::Charset))?;
                Ok(Self { charset: Some(charset) })
            }
        }
    }
}

/// Takes off what is said about bytes that will be others: their number, their digests, that parts of them can be had, and
/// that they are the same whenever the tag is.
pub(crate) fn unpin(response: &mut Response) {
    let headers = response.headers_mut();
    for name in ["content-length", "content-md5", "content-digest", "repr-digest", "digest", "accept-ranges"] {
        headers.remove(name);
    }
    if let Some(tag) = headers.get("etag").filter(|tag| tag.starts_with('"')) {
        headers.set("etag", format!("W/{tag}"));
    }
}

/// The charset among the parameters of a media type, which are in lower case.
fn charset(parameters: &str) -> Option<&str> {
    let mut parameters = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (_, label) = parameters.find(|(name, _)| name.trim() == "charset")?;
    Some(label.trim().trim_matches('"'))
}
