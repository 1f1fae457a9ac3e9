//! A rule: which elements, and what becomes of them.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::rc::Rc;
use std::str::FromStr;

use forebay_sdk::settings;
use lol_html::html_content::Element;
use lol_html::{HandlerResult, Selector};
use serde::{Deserialize, Deserializer};

use crate::content::Content;

/// `rules` of the settings: at least one. Shared with every page that is under way.
#[derive(Debug)]
pub(crate) struct Rules(pub(crate) Rc<[Rule]>);

/// One of `rules`. Rules are tried in their order, and each that matches an element is applied.
///
/// | key | what it does to an element |
/// |---|---|
/// | `selector` | which elements: CSS, of types, classes, ids, attributes, `:not()`, `:nth-child()`, descendants and children |
/// | `set` | sets attributes to these values |
/// | `unset` | removes attributes |
/// | `before`, `after` | puts `{ text = "…" }` or `{ html = "…" }` there |
/// | `prepend`, `append` | the same within the element, at its start and end |
/// | `inner` | puts it in the place of what the element holds |
/// | `replace` | puts it in the place of the element and all it holds |
/// | `remove` | `"element"` with all it holds, or only its `"tags"` |
pub struct Rule {
    pub(crate) selector: Selector,
    set: Vec<(String, String)>,
    unset: Vec<String>,
    before: Option<Content>,
    after: Option<Content>,
    prepend: Option<Content>,
    append: Option<Content>,
    last: Option<Last>,
}

/// What is done after all else, of which there is one thing at most.
#[derive(Debug)]
enum Last {
    Inner(Content),
    Replace(Content),
    Remove(Removed),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Removed {
    Element,
    Tags,
}

impl Rule {
    /// Changes an element that the selector matches.
    pub(crate) fn apply(&self, element: &mut Element<'_, '_>) -> HandlerResult {
        for (name, value) in &self.set {
            element.set_attribute(name, value)?;
        }
        for name in &self.unset {
            element.remove_attribute(name);
        }
        if let Some((text, kind)) = self.before.as_ref().map(Content::parts) {
            element.before(text, kind);
        }
        if let Some((text, kind)) = self.after.as_ref().map(Content::parts) {
            element.after(text, kind);
        }
        match &self.last {
            Some(Last::Inner(content)) => {
                let (text, kind) = content.parts();
                element.set_inner_content(text, kind);
            }
            Some(Last::Replace(content)) => {
                let (text, kind) = content.parts();
                element.replace(text, kind);
            }
            Some(Last::Remove(Removed::Element)) => element.remove(),
            Some(Last::Remove(Removed::Tags)) => element.remove_and_keep_content(),
            None => {}
        }
        // After `inner`, which would take the place of what was put in before it.
        if let Some((text, kind)) = self.prepend.as_ref().map(Content::parts) {
            element.prepend(text, kind);
        }
        if let Some((text, kind)) = self.append.as_ref().map(Content::parts) {
            element.append(text, kind);
        }
        Ok(())
    }
}

/// The parser shows no selector's text.
impl Debug for Rule {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.debug_struct("Rule").field("set", &self.set).field("last", &self.last).finish_non_exhaustive()
    }
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    selector: Css,
    #[serde(default)]
    set: BTreeMap<Attribute, String>,
    #[serde(default)]
    unset: Vec<Attribute>,
    before: Option<Content>,
    after: Option<Content>,
    prepend: Option<Content>,
    append: Option<Content>,
    inner: Option<Content>,
    replace: Option<Content>,
    remove: Option<Removed>,
}

impl TryFrom<Written> for Rule {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { selector, set, unset, before, after, prepend, append, inner, replace, remove } = written;
        let last = match (inner, replace, remove) {
            (None, None, None) => None,
            (Some(content), None, None) => Some(Last::Inner(content)),
            (None, Some(content), None) => Some(Last::Replace(content)),
            (None, None, Some(removed)) => Some(Last::Remove(removed)),
            _ => return Err("a rule has one of inner, replace and remove"),
        };
        let set: Vec<_> = set.into_iter().map(|(name, value)| (name.0, value)).collect();
        let unset: Vec<_> = unset.into_iter().map(|name| name.0).collect();
        let placed = [&before, &after, &prepend, &append].into_iter().any(Option::is_some);
        if last.is_none() && !placed && set.is_empty() && unset.is_empty() {
            return Err("this rule does nothing: it has a selector alone");
        }
        Ok(Self { selector: selector.0, set, unset, before, after, prepend, append, last })
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rules = Vec::<Rule>::deserialize(deserializer)?;
        if rules.is_empty() {
            return Err(serde::de::Error::custom("there must be a rule"));
        }
        Ok(Self(rules.into()))
    }
}

/// A selector that the parser takes.
struct Css(Selector);

impl FromStr for Css {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|fault| format!("\"{text}\" is no selector here: {fault}"))
    }
}

impl<'de> Deserialize<'de> for Css {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

/// The name of an attribute, which no page can be broken with: ASCII, so that every charset has it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Attribute(String);

impl FromStr for Attribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_name = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>/=".contains(&byte);
        if !text.is_empty() && text.bytes().all(of_name) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("\"{text}\" is no name of an attribute"))
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}
