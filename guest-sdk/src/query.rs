//! The query of a request, parameter by parameter.
//!
//! Names and values stay as they were sent: nothing is decoded, so that what is not touched goes on unchanged.

use std::fmt::{self, Display, Formatter};

/// The parameters of a query, in order.
///
/// ```
/// use forebay_sdk::Query;
///
/// let mut query = Query::parse("b=2&utm_source=mail&a=1&flag");
/// query.retain(|name| !name.starts_with("utm_"));
/// query.sort();
/// assert_eq!(query.to_string(), "a=1&b=2&flag");
/// assert_eq!(query.values("b").collect::<Vec<_>>(), ["2"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    parameters: Vec<Parameter>,
}

/// A parameter without `=` has no value, which is not the same as an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    value: Option<String>,
}

impl Query {
    /// The parameters of a query without its `?`; empty pieces between two `&` are left out.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// assert_eq!(Query::parse("a=1&&b").to_string(), "a=1&b");
    /// ```
    pub fn parse(text: &str) -> Self {
        let pieces = text.split('&').filter(|piece| !piece.is_empty());
        let parameters = pieces.map(|piece| match piece.split_once('=') {
            Some((name, value)) => Parameter { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Parameter { name: piece.to_owned(), value: None },
        });
        Self { parameters: parameters.collect() }
    }

    /// Every value of a parameter, in order; one without a value reads as empty.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// let query = Query::parse("size=s&flag&size=m");
    /// assert_eq!(query.values("size").collect::<Vec<_>>(), ["s", "m"]);
    /// assert_eq!([query.values("flag").next(), query.values("none").next()], [Some(""), None]);
    /// ```
    pub fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let of_name = self.parameters.iter().filter(move |parameter| parameter.name == name);
        of_name.map(|parameter| parameter.value.as_deref().unwrap_or_default())
    }

    /// Keeps the parameters whose name is wanted.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// let mut query = Query::parse("id=7&gclid=x");
    /// query.retain(|name| name != "gclid");
    /// assert_eq!(query.to_string(), "id=7");
    /// ```
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.parameters.retain(|parameter| wanted(&parameter.name));
    }

    /// Leaves out the parameters that have an empty value or none.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// let mut query = Query::parse("id=7&color=&flag");
    /// query.retain_filled();
    /// assert_eq!(query.to_string(), "id=7");
    /// ```
    pub fn retain_filled(&mut self) {
        self.parameters.retain(|parameter| parameter.value.as_ref().is_some_and(|value| !value.is_empty()));
    }

    /// Sorts by name; the values of one name stay in their order, as it may mean something.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// let mut query = Query::parse("size=s&color=red&size=m");
    /// query.sort();
    /// assert_eq!(query.to_string(), "color=red&size=s&size=m");
    /// ```
    pub fn sort(&mut self) {
        self.parameters.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Puts the names in lower case.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// let mut query = Query::parse("Color=Red");
    /// query.lower_names();
    /// assert_eq!(query.to_string(), "color=Red");
    /// ```
    pub fn lower_names(&mut self) {
        for parameter in &mut self.parameters {
            parameter.name.make_ascii_lowercase();
        }
    }

    /// Whether there is no parameter.
    ///
    /// ```
    /// # use forebay_sdk::Query;
    /// assert!(Query::parse("&").is_empty());
    /// assert!(!Query::parse("a").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }
}

impl Display for Query {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        for (position, Parameter { name, value }) in self.parameters.iter().enumerate() {
            formatter.write_str(if position == 0 { "" } else { "&" })?;
            formatter.write_str(name)?;
            if let Some(value) = value {
                write!(formatter, "={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn what_is_not_touched_is_written_as_it_was_read() {
        for (text, expected) in [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("a&b=&=c&=", "a&b=&=c&="),
            ("a=1=2&%61=%20+", "a=1=2&%61=%20+"),
            ("&&a&&", "a"),
            ("\u{e9}=\u{e9}", "\u{e9}=\u{e9}"),
        ] {
            assert_eq!(Query::parse(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn values_of_one_name_keep_their_order() {
        let mut query = Query::parse("b=2&a=z&b=1&a=y");
        query.sort();
        assert_eq!(query.to_string(), "a=z&a=y&b=2&b=1");
    }

    #[test]
    fn empty_and_missing_values_can_be_left_out() {
        let mut query = Query::parse("a&b=&c=1");
        query.retain_filled();
        assert_eq!(query.to_string(), "c=1");
    }
}
