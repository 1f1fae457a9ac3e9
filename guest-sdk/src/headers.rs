//! The header section of a message: read and changed through the proxy, one header at a time.
//!
//! A read asks the proxy for that header alone, which is cheaper than fetching them all. The proxy keeps `Host` as
//! `:authority`, so that name is translated here; pseudo headers are otherwise not shown.

use std::borrow::Cow;

use crate::host::{Map, calls};
use crate::log;

/// The headers of a [`Request`](crate::Request) or [`Response`](crate::Response). Names are compared without case.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse};
///
/// struct Tidy;
///
/// impl Filter for Tidy {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if request.headers().get("accept").is_none() {
///             request.headers_mut().set("accept", "*/*").add("x-seen", "tidy").remove("cookie");
///         }
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let tidy = rehearse::<Tidy>("")?;
/// let exchange = tidy.request(get("http://shop.example/").with("Cookie", "a=b"));
/// assert_eq!(exchange.sent().header("accept"), Some("*/*"));
/// assert_eq!(exchange.sent().header("cookie"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Headers {
    map: Map,
}

impl Headers {
    pub(crate) fn of(map: Map) -> Self {
        Self { map }
    }

    /// The first value of a header; bytes that are not UTF-8 read as U+FFFD.
    pub fn get(&self, name: &str) -> Option<String> {
        self.bytes(name).map(text)
    }

    /// The first value of a header, as it came.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let name = self.known_as(name);
        match calls::header(self.map, &name) {
            Ok(value) => value,
            // A proxy may withhold request headers from a response callback, yet tell them as properties.
            Err(_) if self.map == Map::Request => calls::property(&told_as(&name)),
            Err(_) => None,
        }
    }

    /// Every value of a header that may repeat, in order.
    pub fn get_all(&self, name: &str) -> Vec<String> {
        let name = self.known_as(name);
        let all = calls::headers(self.map).into_iter();
        all.filter(|(known, _)| name.as_bytes().eq_ignore_ascii_case(known)).map(|(_, value)| text(value)).collect()
    }

    /// Every header as name and value, in order.
    pub fn all(&self) -> Vec<(String, String)> {
        let all = calls::headers(self.map).into_iter();
        all.filter(|(name, _)| !name.starts_with(b":")).map(|(name, value)| (text(name), text(value))).collect()
    }

    /// Gives a header this one value in place of any it has.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let refused = calls::set_header(self.map, &self.known_as(name), value.as_ref()).is_err();
        self.note("set", name, refused)
    }

    /// Adds a value to those a header has.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let refused = calls::add_header(self.map, &self.known_as(name), value.as_ref()).is_err();
        self.note("add", name, refused)
    }

    /// Adds fields, comma-separated, to `Vary`, unless it names them already or is `*` (RFC 9110 section 12.5.5).
    pub fn add_vary(&mut self, fields: &str) -> &mut Self {
        let mut vary = self.get_all("vary").join(", ");
        for field in fields.split(',').map(str::trim) {
            let named = |known: &str| known.trim() == "*" || known.trim().eq_ignore_ascii_case(field);
            if !vary.split(',').any(named) {
                vary.push_str(if vary.is_empty() { "" } else { ", " });
                vary.push_str(field);
            }
        }
        self.set("vary", vary)
    }

    /// Removes every value of a header; does nothing where there is none.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        let refused = calls::remove_header(self.map, &self.known_as(name)).is_err();
        self.note("remove", name, refused)
    }

    /// Removes every header that an origin may take for this one: itself, and where it has `-` or `_`, the other of them too.
    /// CGI, WSGI and PHP read `x_user` and `x-user` as one name, so that a client could say `x_user` beside what a filter
    /// says of it.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse};
    ///
    /// struct Known;
    ///
    /// impl Filter for Known {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.headers_mut().remove_alike("x-user").set("x-user", "nobody");
    ///         Flow::Continue
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let known = rehearse::<Known>("")?;
    /// let exchange = known.request(get("http://shop.example/").with("X_User", "root").with("X-User", "root"));
    /// assert_eq!(exchange.sent().header("x_user"), None);
    /// assert_eq!(exchange.sent().headers("x-user"), ["nobody"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_alike(&mut self, name: &str) -> &mut Self {
        let separators = name.bytes().filter(is_separator).count();
        if separators > SEPARATORS_MAX {
            for (sent, _) in self.all() {
                if sent.bytes().map(folded).eq(name.bytes().map(folded)) {
                    self.remove(&sent);
                }
            }
            return self;
        }
        let mut spelling = self.known_as(name).into_owned();
        let mut refused = calls::remove_header(self.map, &spelling).is_err();
        for choice in 1..1_u32 << separators {
            respell(&mut spelling, choice.trailing_zeros());
            refused |= calls::remove_header(self.map, &spelling).is_err();
        }
        self.note("remove", name, refused)
    }

    fn note(&mut self, verb: &str, name: &str, refused: bool) -> &mut Self {
        if refused {
            log::warn(format_args!("the proxy refused to {verb} header {name}"));
        }
        self
    }

    fn known_as<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if name.eq_ignore_ascii_case("host") && self.map == Map::Request {
            return Cow::Borrowed(":authority");
        }
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
    }
}

/// A name has two spellings for each of its separators. Up to eight are tried; of a name with more, every header of the
/// message is read, which costs as much as that.
const SEPARATORS_MAX: usize = 3;

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b'-' | b'_')
}

/// What all spellings of a letter have in common.
fn folded(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// Gives a name the other one for its separator with this number.
fn respell(name: &mut String, number: u32) {
    let place = name.bytes().enumerate().filter(|(_, byte)| is_separator(byte)).nth(number as usize);
    if let Some((at, byte)) = place {
        name.replace_range(at..=at, if byte == b'-' { "_" } else { "-" });
    }
}

/// The property that tells a request header.
fn told_as(name: &str) -> Cow<'static, str> {
    match name {
        ":authority" => "request\0host".into(),
        ":method" => "request\0method".into(),
        ":path" => "request\0path".into(),
        ":scheme" => "request\0scheme".into(),
        _ => format!("request\0headers\0{name}").into(),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::{get, rehearse};
    use crate::{Filter, Flow, Request};

    const SHORT: &str = "x-user_id";
    const LONG: &str = "x-a-b-c-d";

    struct Alike;

    impl Filter for Alike {
        type Settings = ();

        fn new((): ()) -> Self {
            Self
        }

        fn on_request(&self, request: &mut Request) -> Flow {
            request.headers_mut().remove_alike(SHORT).remove_alike(LONG).remove_alike("plain");
            Flow::Continue
        }
    }

    #[test]
    fn every_spelling_of_a_name_is_removed_and_no_other_name() {
        let alike = rehearse::<Alike>("").unwrap();
        for (name, stays) in [
            ("x-user-id", false),
            ("x_user_id", false),
            ("X_User-ID", false),
            ("x-user_id", false),
            ("x-user", true),
            ("xuser-id", true),
            ("x-a-b-c-d", false),
            ("x_a-b_c-d", false),
            ("X_A_B_C_D", false),
            ("x-a-b-c", true),
            ("plain", false),
            ("plain-", true),
        ] {
            let exchange = alike.request(get("http://a.example/").with(name, "1").with(name, "2").with("other", "3"));
            let left = exchange.sent().headers(&name.to_ascii_lowercase()).len();
            assert_eq!((left, exchange.sent().header("other")), (if stays { 2 } else { 0 }, Some("3")), "{name}");
        }
    }
}
