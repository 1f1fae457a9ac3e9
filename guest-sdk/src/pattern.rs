//! Patterns for paths: what a regular expression would be used for, at the price of a comparison.
//!
//! A pattern is compared segment by segment and always in time linear in the path, whatever a client sends; a
//! regular-expression crate would double the size of most modules.
//!
//! | in a pattern | stands for |
//! |---|---|
//! | `*` | any characters within a segment, also none |
//! | `**` as a whole segment | any number of segments, also none |
//! | anything else | itself |

use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::settings;

/// Longer patterns are refused: a path pattern of an operator's hand has a fraction of this.
const BYTES_MAX: usize = 512;

/// Captures are written `$1` to `$9`.
const STARS_MAX: usize = 9;

/// A pattern that a whole path matches or not. In settings it is written as a text.
///
/// ```
/// use forebay_sdk::pattern::Pattern;
///
/// let pattern: Pattern = "/shop/*/**/*.html".parse()?;
/// assert_eq!(pattern.captures("/shop/en/a/b/c.html"), Some(vec!["en", "a/b", "c"]));
/// assert_eq!(pattern.captures("/shop/en/c.html"), Some(vec!["en", "", "c"]));
/// assert!(!pattern.matches("/shop/c.html"));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`
    Any,
    /// What stands between the stars of a segment: one more than there are stars.
    Literals(Vec<String>),
}

/// Where to go on when the segments after a `**` did not match: let it take one segment more.
struct Retry {
    pattern: usize,
    taken: Range<usize>,
    capture: usize,
}

impl Pattern {
    /// Whether the whole path matches.
    ///
    /// ```
    /// # use forebay_sdk::pattern::Pattern;
    /// let images: Pattern = "/img/**/*.png".parse()?;
    /// assert!(images.matches("/img/a/b.png") && images.matches("/img/b.png"));
    /// assert!(!images.matches("/img/b.png/c"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn matches(&self, path: &str) -> bool {
        self.captures(path).is_some()
    }

    /// What each star stands for, in order; `None` where the path does not match.
    ///
    /// ```
    /// # use forebay_sdk::pattern::Pattern;
    /// let old: Pattern = "/p/*/**".parse()?;
    /// assert_eq!(old.captures("/p/7/reviews/1"), Some(vec!["7", "reviews/1"]));
    /// assert_eq!(old.captures("/q/7"), None);
    /// # Ok::<(), String>(())
    /// ```
    pub fn captures<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let path = path.strip_prefix('/')?;
        let parts = segment_ranges(path);
        let mut captures = Vec::new();
        let mut retry: Option<Retry> = None;
        let (mut pattern, mut part) = (0, 0);
        loop {
            match (self.segments.get(pattern), parts.get(part)) {
                (None, None) => return Some(captures),
                (Some(Segment::Any), _) => {
                    retry = Some(Retry { pattern, taken: part..part, capture: captures.len() });
                    captures.push("");
                    pattern += 1;
                }
                (Some(Segment::Literals(literals)), Some(range))
                    if capture(literals, &path[range.clone()], &mut captures) =>
                {
                    (pattern, part) = (pattern + 1, part + 1);
                }
                // Only the last `**` needs another try: an earlier one took as little as it could, and what the last
                // one cannot reach by growing it could not reach either.
                _ => {
                    let last = retry.as_mut()?;
                    last.taken.end += 1;
                    let end = parts.get(last.taken.end - 1)?.end;
                    captures.truncate(last.capture);
                    captures.push(&path[parts[last.taken.start].start..end]);
                    (pattern, part) = (last.pattern + 1, last.taken.end);
                }
            }
        }
    }

    /// How many stars it has.
    ///
    /// ```
    /// # use forebay_sdk::pattern::Pattern;
    /// assert_eq!("/a/*-*/**".parse::<Pattern>()?.stars(), 3);
    /// # Ok::<(), String>(())
    /// ```
    pub fn stars(&self) -> usize {
        let stars = |segment: &Segment| match segment {
            Segment::Any => 1,
            Segment::Literals(literals) => literals.len() - 1,
        };
        self.segments.iter().map(stars).sum()
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |because: &str| Err(format!("\"{text}\" is no path pattern: {because}"));
        let Some(path) = text.strip_prefix('/') else { return refuse("it must start with \"/\"") };
        if text.len() > BYTES_MAX {
            return refuse("it is longer than 512 bytes");
        }
        if text.contains(['?', '#']) {
            return refuse("query and fragment are not part of a path");
        }
        if path.split('/').any(|segment| segment != "**" && segment.contains("**")) {
            return refuse("\"**\" must be a segment of its own, as in \"/a/**/b\"");
        }
        let segments = path.split('/').map(|segment| match segment {
            "**" => Segment::Any,
            _ => Segment::Literals(segment.split('*').map(str::to_owned).collect()),
        });
        let pattern = Self { segments: segments.collect() };
        if pattern.stars() > STARS_MAX { refuse("it has more than 9 stars") } else { Ok(pattern) }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

fn segment_ranges(path: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let ranges = path.split('/').map(|segment| {
        let range = start..start + segment.len();
        start = range.end + 1;
        range
    });
    ranges.collect()
}

/// Matches one segment and adds what its stars stand for. What a failed match added, the caller takes off again.
fn capture<'s>(literals: &[String], segment: &'s str, captures: &mut Vec<&'s str>) -> bool {
    let [first, middle @ ..] = literals else { return false };
    let Some(mut rest) = segment.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for literal in middle {
        let Some((star, after)) = rest.split_once(literal.as_str()) else { return false };
        captures.push(star);
        rest = after;
    }
    let star = rest.strip_suffix(last.as_str());
    captures.extend(star);
    star.is_some()
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn captures<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
        pattern.parse::<Pattern>().expect(pattern).captures(path)
    }

    #[test]
    fn a_pattern_matches_the_whole_path() {
        for (pattern, path, expected) in [
            ("/", "/", Some(vec![])),
            ("/", "/a", None),
            ("/a", "/a", Some(vec![])),
            ("/a", "/a/", None),
            ("/a", "/ab", None),
            ("/*", "/", Some(vec![""])),
            ("/*", "/a", Some(vec!["a"])),
            ("/*", "/a/b", None),
            ("/old/*/x", "/old/a/x", Some(vec!["a"])),
            ("/old/*/x", "/old//x", Some(vec![""])),
            ("/old/*/x", "/old/a/b/x", None),
            ("/*.css", "/a.min.css", Some(vec!["a.min"])),
            ("/*.css", "/a.css.map", None),
            ("/*-*.js", "/a-b-c.js", Some(vec!["a", "b-c"])),
            ("/a*a", "/a", None),
            ("/a*a", "/aa", Some(vec![""])),
            ("/*a*a*", "/baca", Some(vec!["b", "c", ""])),
            ("/a", "a", None),
            ("/a", "", None),
            ("/ü*", "/üß", Some(vec!["ß"])),
        ] {
            assert_eq!(captures(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn two_stars_take_any_number_of_segments() {
        for (pattern, path, expected) in [
            ("/**", "/", Some(vec![""])),
            ("/**", "/a/b/", Some(vec!["a/b/"])),
            ("/old/**", "/old", Some(vec![""])),
            ("/old/**", "/old/", Some(vec![""])),
            ("/old/**", "/old/a/b", Some(vec!["a/b"])),
            ("/old/**", "/older", None),
            ("/**/*.php", "/x.php", Some(vec!["", "x"])),
            ("/**/*.php", "/a/b/x.php", Some(vec!["a/b", "x"])),
            ("/**/*.php", "/x.php/y", None),
            ("/**/.git/**", "/.git/config", Some(vec!["", "config"])),
            ("/**/.git/**", "/a/.git", Some(vec!["a", ""])),
            ("/**/.git/**", "/a/.github/x", None),
            ("/**/a/*/**/b", "/a/x/a/y/c/b", Some(vec!["", "x", "a/y/c"])),
            ("/**/a/b/**/c", "/a/x/a/b/c", Some(vec!["a/x", ""])),
            ("/**/a*/b", "/ax/ay/b", Some(vec!["ax", "y"])),
        ] {
            assert_eq!(captures(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let longest = format!("/{}", "a".repeat(511));
        for text in ["/*/*/*/*/*/*/*/*/*", "/**/*", longest.as_str()] {
            assert!(text.parse::<Pattern>().is_ok(), "{text}");
        }
        let longer = format!("/{}", "a".repeat(512));
        for text in ["", "a", "*", "/a?b", "/a#b", "/a**", "/***", "/*/*/*/*/*/*/*/*/*/*", longer.as_str()] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_path_costs_no_more_than_its_length() {
        let pattern: Pattern = "/**/a/**/a/**/a/*a*a*a*b/**/c".parse().expect("a pattern");
        let path = "/a".repeat(100_000) + &"/aaaaaaaaaaaaaaaa".repeat(10_000);
        assert!(!pattern.matches(&path));
    }
}
