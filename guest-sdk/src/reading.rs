//! The ways a path may be read: as it came, and as a server reads it that decodes and resolves it.
//!
//! `/%61dmin`, `//admin` and `/x/../admin` are other texts than `/admin`, yet many a server serves the same for them. A
//! rule that blocks is for a request if any reading matches; one that allows, only if all do.

/// A path and, where it differs, the same path decoded once, with empty and dot segments resolved.
///
/// ```
/// use forebay_sdk::Readings;
///
/// let readings = Readings::of("/public/../admin");
/// assert!(readings.any(|path| path == "/admin"));
/// assert!(!readings.all(|path| path.starts_with("/public/")));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Readings {
    sent: String,
    resolved: Option<String>,
}

impl Readings {
    /// The readings of a path without its query.
    ///
    /// ```
    /// # use forebay_sdk::Readings;
    /// let readings = Readings::of("/a%2fb");
    /// assert!(readings.any(|path| path == "/a%2fb") && readings.any(|path| path == "/a/b"));
    /// ```
    pub fn of(path: &str) -> Self {
        // Most paths read one way, and a look at them is cheaper than the work below.
        let plain = !path.contains(['%', '\\', ';']) && !path.contains("//") && !path.contains("/.");
        let resolved = if plain { None } else { Some(resolved(path)).filter(|resolved| resolved != path) };
        Self { sent: path.to_owned(), resolved }
    }

    /// Whether the path matches in any way a server may read it: to forbid.
    ///
    /// ```
    /// # use forebay_sdk::Readings;
    /// for path in ["/admin", "/%61dmin", "//admin", "/x/../admin"] {
    ///     assert!(Readings::of(path).any(|path| path == "/admin"));
    /// }
    /// ```
    pub fn any(&self, matches: impl Fn(&str) -> bool) -> bool {
        matches(&self.sent) || self.resolved.as_deref().is_some_and(matches)
    }

    /// Whether it matches in every way: to permit.
    ///
    /// ```
    /// # use forebay_sdk::Readings;
    /// let is_public = |path| Readings::of(path).all(|path| path.starts_with("/public/"));
    /// assert!(is_public("/public/a.css"));
    /// assert!(!is_public("/public/../admin"));
    /// ```
    pub fn all(&self, matches: impl Fn(&str) -> bool) -> bool {
        matches(&self.sent) && self.resolved.as_deref().is_none_or(matches)
    }
}

fn resolved(path: &str) -> String {
    let decoded = decoded(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in decoded.split(['/', '\\']) {
        // What follows ";" is a parameter of the segment to servlet containers.
        let segment = segment.split(';').next().unwrap_or(segment);
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let end = if directory && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// Percent-decodes once (RFC 3986 section 2.1); what is not UTF-8 afterwards reads as U+FFFD.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *byte == b'%').and_then(|pair| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
        });
        match digits {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Readings;

    #[test]
    fn a_path_is_resolved_as_a_server_would() {
        for (path, expected) in [
            ("/", None),
            ("/admin", None),
            ("/admin/", None),
            ("/.well-known/x", None),
            ("/100%", None),
            ("/%6", None),
            ("/%61dmin", Some("/admin")),
            ("/%2561dmin", Some("/%61dmin")),
            ("//admin", Some("/admin")),
            ("/admin//", Some("/admin/")),
            ("/./admin/.", Some("/admin/")),
            ("/x/../admin", Some("/admin")),
            ("/x/..", Some("/")),
            ("/../../admin", Some("/admin")),
            ("/x/%2e%2E/admin", Some("/admin")),
            ("/x%2f..%2fadmin", Some("/admin")),
            ("/x/..\\admin", Some("/admin")),
            ("/admin;a=b/c", Some("/admin/c")),
            ("/x/..;/admin", Some("/admin")),
            ("/%ff", Some("/\u{fffd}")),
        ] {
            assert_eq!(Readings::of(path).resolved.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn any_needs_one_reading_and_all_need_each() {
        let readings = Readings::of("/public/../admin");
        for (part, any, all) in [("/public", true, false), ("admin", true, true), ("/shop", false, false)] {
            assert_eq!(readings.any(|path| path.contains(part)), any, "{part}");
            assert_eq!(readings.all(|path| path.contains(part)), all, "{part}");
        }
    }
}
