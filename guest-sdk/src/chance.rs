//! Chance without a source of it: what a filter needs to divide users, not to keep secrets.

use std::time::{Duration, SystemTime};

use crate::{Request, now};

/// A number below `below`, evenly spread over requests; 0 where `below` is.
///
/// A module has no source of chance. The proxy's request id is random, and the time parts requests without one. A client
/// may choose its own id with some proxies: decide nothing by this that a client must not choose.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::draw;
/// use forebay_sdk::rehearsal::{get, rehearse};
///
/// struct Sample;
///
/// impl Filter for Sample {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if draw(request, 10) == 0 { request.headers_mut().set("x-sampled", "1"); }
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let sample = rehearse::<Sample>("")?;
/// let is_sampled = |_: &u32| sample.request(get("http://shop.example/")).sent().header("x-sampled").is_some();
/// assert!((60..140).contains(&(0..1_000).filter(is_sampled).count()));
/// # Ok(())
/// # }
/// ```
pub fn draw(request: &Request, below: u32) -> u32 {
    drawn(now(), &request.id().unwrap_or_default(), below)
}

fn drawn(now: SystemTime, request: &str, below: u32) -> u32 {
    let nanos = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos() as u64;
    let seed = request.bytes().fold(nanos, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (mixed(seed) % u64::from(below.max(1))) as u32
}

/// The finalizer of SplitMix64: every bit of the seed reaches every bit of the result.
fn mixed(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::drawn;

    #[test]
    fn numbers_are_drawn_evenly_by_id_and_by_time() {
        let at = |nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
        let by_id = (0..100_000).map(|id| drawn(at(1), &format!("{id:032x}"), 10_000));
        let by_time = (0..100_000).map(|nanos| drawn(at(1_735_689_600_000_000_000 + nanos), "", 10_000));
        for numbers in [by_id.collect::<Vec<_>>(), by_time.collect()] {
            for tenth in 0..10 {
                let share = numbers.iter().filter(|number| *number / 1000 == tenth).count();
                assert!((9_600..10_400).contains(&share), "tenth {tenth} has {share} of 100000");
            }
        }
    }

    #[test]
    fn nothing_is_below_nothing() {
        assert_eq!((drawn(SystemTime::UNIX_EPOCH, "a", 0), drawn(SystemTime::UNIX_EPOCH, "a", 1)), (0, 0));
    }
}
