//! `[route.cache.key]`: what tells a route's stored responses apart.

use http::{HeaderName, header};

use crate::config::field::Field;
use crate::config::model::{QueryParameters, RouteKey};
use crate::config::section::Section;

pub(super) fn check(section: &mut Section<'_>) -> RouteKey {
    let sort_query = section.field("sort_query").and_then(|field| field.boolean()).unwrap_or_default();
    let (keep, drop) = (section.field("keep_query"), section.field("drop_query"));
    let query = match (keep, drop) {
        (Some(keep), None) => QueryParameters::Only(list(&keep, pattern)),
        (None, Some(drop)) => QueryParameters::AllBut(list(&drop, pattern)),
        (None, None) => QueryParameters::All,
        (Some(_), Some(drop)) => {
            drop.fault("stands beside keep_query, which drops all others already; leave one of them out");
            QueryParameters::All
        }
    };
    RouteKey {
        sort_query,
        query,
        headers: section.field("headers").map(|field| list(&field, header_name)).unwrap_or_default(),
        cookies: section.field("cookies").map(|field| list(&field, cookie_name)).unwrap_or_default(),
    }
}

fn list<T: PartialEq>(field: &Field<'_>, read: impl Fn(&Field<'_>) -> Option<T>) -> Vec<T> {
    let mut list = Vec::new();
    for element in field.elements().unwrap_or_default() {
        let Some(value) = read(&element) else { continue };
        if list.contains(&value) {
            element.fault("is in this list already; leave one out");
        }
        list.push(value);
    }
    list
}

/// Names are compared with those of parameters, which end at these.
fn pattern(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.is_empty() || text.contains(['&', '=', ';', '?', '#', ' ']) {
        field.fault(format!("{text:?} is not the name of a parameter; write one, as in \"id\" or \"utm_*\""));
        return None;
    }
    Some(text)
}

/// `Cookie` as a whole is different for every visitor, and no two of them would share anything.
fn header_name(field: &Field<'_>) -> Option<HeaderName> {
    let text = field.text()?;
    match text.parse::<HeaderName>() {
        Ok(header::COOKIE) => {
            field.fault("the whole of Cookie is every visitor's own; name the cookies in cookies = []")
        }
        Ok(name) => return Some(name),
        Err(_) => field.fault(format!("{text:?} is not the name of a header field; write one, as in \"x-device\"")),
    }
    None
}

fn cookie_name(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    // A cookie's name is a token, as a header field's is (RFC 6265 section 4.1.1).
    if text.parse::<HeaderName>().is_err() {
        field.fault(format!("{text:?} is not the name of a cookie; write one, as in \"tier\""));
        return None;
    }
    Some(text)
}
