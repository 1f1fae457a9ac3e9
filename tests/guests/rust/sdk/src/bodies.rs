//! Bodies of `/wrapped`, replaced once they are whole, of `/marked`, added to at their end, and of `/scanned`, asked about.

use forebay_sdk::prelude::*;

use crate::asking;

pub fn on_body(body: &mut Body) -> Flow {
    match body.request().path().as_str() {
        "/wrapped" => wrap(body),
        "/marked" => {
            if body.is_end() {
                body.append("!");
            }
            Flow::Continue
        }
        "/scanned" => asking::about_body(body.chunk()),
        _ => Flow::Continue,
    }
}

fn wrap(body: &mut Body) -> Flow {
    match body.whole(1024) {
        Whole::Ready(bytes) if bytes == b"bad" => Flow::reply(422),
        Whole::Ready(bytes) => {
            body.replace([b"<", &bytes[..], b">"].concat());
            Flow::Continue
        }
        Whole::Partly => Flow::Hold,
        Whole::TooLarge => Flow::reply(413),
    }
}
