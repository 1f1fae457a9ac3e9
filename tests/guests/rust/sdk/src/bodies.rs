//! Bodies of `/wrapped`, replaced once they are whole.

use forebay_sdk::prelude::*;

pub fn wrap(body: &mut Body) -> Flow {
    if body.request().path() != "/wrapped" {
        return Flow::Continue;
    }
    match body.whole(1024) {
        Whole::Ready(bytes) => {
            body.replace([b"<", &bytes[..], b">"].concat());
            Flow::Continue
        }
        Whole::Partly => Flow::Hold,
        Whole::TooLarge => Flow::reply(413),
    }
}
