//! One request spelled out for the wire, and what must come back.

use anyhow::{Context, Result, ensure};

use crate::object::{Nature, Object, Variant};

#[derive(Debug)]
pub struct Ask {
    pub request: Box<[u8]>,
    pub object: Object,
    pub form: Form,
    variant: Variant,
    proof: Proof,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Get,
    Head,
    /// `If-None-Match` with the entity tag that the object has.
    Conditional,
}

/// What of a body is compared with the object's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Length,
    EveryByte,
    /// There is none: the server must refuse, with 500.
    Refusal,
}

impl Ask {
    /// Every byte of the answer will be looked at.
    pub fn new(object: Object, form: Form, variant: Variant) -> Self {
        let method = if form == Form::Head { "HEAD" } else { "GET" };
        let mut request = format!("{method} {} HTTP/1.1\r\nHost: bench.example\r\n", object.path());
        request += &format!("Accept-Encoding: {}\r\n", variant.word());
        if form == Form::Conditional {
            request += &format!("If-None-Match: {}\r\n", object.etag(variant));
        }
        request += "\r\n";
        Self { request: request.into_bytes().into(), object, form, variant, proof: Proof::EveryByte }
    }

    /// As little work as a client can have: no needless field, and nothing but the length looked at.
    pub fn bare(object: Object) -> Self {
        Self::at("bench.example", object)
    }

    /// The same from another host.
    pub fn at(host: &str, object: Object) -> Self {
        let request = format!("GET {} HTTP/1.1\r\nHost: {host}\r\n\r\n", object.path());
        let variant = Variant::Identity;
        Self { request: request.into_bytes().into(), object, form: Form::Get, variant, proof: Proof::Length }
    }

    /// The same from a host whose filter fails.
    pub fn refused(host: &str, object: Object) -> Self {
        Self { proof: Proof::Refusal, ..Self::at(host, object) }
    }

    pub fn is_refused(&self) -> bool {
        self.proof == Proof::Refusal
    }

    /// Whether this may be the answer's head, and how many bytes of body follow it.
    pub fn check(&self, head: &str) -> Result<usize> {
        let status = head.get(9..12).context("a status line")?;
        if self.proof == Proof::Refusal {
            ensure!(status == "500", "not refused: {head}");
            return Ok(field(head, "content-length").context("no length")?.parse()?);
        }
        let expected = if self.object.nature == Nature::Gone { "404" } else { "200" };
        let not_modified = self.form == Form::Conditional && status == "304";
        ensure!(status == expected || not_modified, "not {expected}: {head}");
        if not_modified {
            return Ok(0);
        }
        if self.form == Form::Head {
            return Ok(0);
        }
        let length: usize = field(head, "content-length").context("no length")?.parse()?;
        ensure!(length == self.object.bytes, "not {} bytes long: {head}", self.object.bytes);
        Ok(length)
    }

    /// Which object and variant it wants: the entity tag of the answer.
    pub fn etag(&self) -> String {
        self.object.etag(self.variant)
    }

    /// The body that must come; `None` where its length is enough.
    pub fn body(&self) -> Option<&'static [u8]> {
        (self.proof == Proof::EveryByte).then(|| self.object.body(self.variant))
    }
}

/// A field's value; the first where there are several.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_the_objects_is_refused() {
        let ask = Ask::new(Object::plain(1, 5), Form::Get, Variant::Gzip);
        assert_eq!(ask.check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").unwrap(), 5);
        for head in [
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\n",
            "HTTP",
        ] {
            assert!(ask.check(head).is_err(), "{head}");
        }
        let refused = Ask::refused("x.example", Object::plain(1, 5));
        assert_eq!(refused.check("HTTP/1.1 500 Oh\r\ncontent-length: 6\r\n\r\n").unwrap(), 6);
        assert!(refused.check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").is_err());
        let conditional = Ask::new(Object::plain(1, 5), Form::Conditional, Variant::Gzip);
        assert_eq!(conditional.check("HTTP/1.1 304 Not Modified\r\n\r\n").unwrap(), 0);
        let head = Ask::new(Object::plain(1, 5), Form::Head, Variant::Gzip);
        assert_eq!(head.check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").unwrap(), 0);
    }
}
