//! Trailers as guests see them: fields alone, without control data.

use http::HeaderMap;

use super::super::abi::Status;
use super::message::{Message, Pseudo};

impl Message for HeaderMap {
    fn headers(&self) -> &HeaderMap {
        self
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self
    }

    fn pseudo_headers(&self) -> &'static [Pseudo] {
        &[]
    }

    fn pseudo(&self, _which: Pseudo) -> &str {
        ""
    }

    fn set_pseudo(&mut self, _which: Pseudo, _value: &str) -> Result<(), Status> {
        Err(Status::BadArgument)
    }
}
