//! May a stored response answer this request as it is (RFC 9111 section 4, RFC 5861)?
//!
//! Pure arithmetic over the stored response's terms, its age, and the request's own wishes (section 5.2.1).

use std::time::Duration;

use super::cache_status::Forwarded;
use super::storing::Freshness;
use super::wishes::Wishes;

/// What may be done with a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Answer with it.
    Fresh,
    /// Answer with it, although it is stale: the request accepts that.
    Stale,
    /// Answer with it, and fetch anew in the background.
    StaleWhileRevalidate,
    /// Ask the origin first.
    Validate(Forwarded),
}

/// What is fresh and immutable is used although the request wants it younger, as a browser's reload does: its origin has
/// promised that asking would bring the same. `no-cache` asks all the same (RFC 8246 section 2).
pub fn reuse(freshness: &Freshness, age: Duration, wishes: &Wishes) -> Reuse {
    let settled = freshness.immutable && freshness.lifetime > age;
    if wishes.no_cache || wishes.max_age.is_some_and(|limit| age > limit && !settled) {
        return Reuse::Validate(Forwarded::Request);
    }
    if wishes.min_fresh.is_some_and(|least| freshness.lifetime < age.saturating_add(least)) {
        return Reuse::Validate(Forwarded::Request);
    }
    if freshness.validate_always {
        return Reuse::Validate(Forwarded::Stale);
    }
    if freshness.lifetime > age {
        return Reuse::Fresh;
    }
    let over = age - freshness.lifetime;
    if !freshness.never_stale && wishes.max_stale.is_some_and(|limit| over <= limit) {
        return Reuse::Stale;
    }
    // Who limits the age and does not say `max-stale` does not want a stale response (RFC 9111 section 5.2.1.1).
    if !freshness.never_stale && wishes.max_age.is_none() && over < freshness.while_revalidate {
        return Reuse::StaleWhileRevalidate;
    }
    Reuse::Validate(Forwarded::Stale)
}

/// May a stale response stand in for an origin that fails (RFC 5861 section 4)?
pub fn usable_on_error(freshness: &Freshness, age: Duration) -> bool {
    !freshness.validate_always && !freshness.never_stale && age.saturating_sub(freshness.lifetime) < freshness.if_error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn terms() -> Freshness {
        Freshness {
            lifetime: seconds(60),
            initial_age: seconds(0),
            validate_always: false,
            never_stale: false,
            while_revalidate: seconds(10),
            if_error: seconds(100),
            ..Freshness::default()
        }
    }

    #[test]
    fn age_against_lifetime_and_wishes() {
        let none = Wishes::default();
        let wish = |set: &dyn Fn(&mut Wishes)| {
            let mut wishes = none;
            set(&mut wishes);
            wishes
        };
        let stale = Reuse::Validate(Forwarded::Stale);
        let request = Reuse::Validate(Forwarded::Request);
        let strict = Freshness { never_stale: true, ..terms() };
        let checked = Freshness { validate_always: true, ..terms() };
        let immutable = Freshness { immutable: true, ..terms() };
        let now = wish(&|c| c.max_age = Some(seconds(0)));
        let cases = [
            (terms(), 59, none, Reuse::Fresh),
            (terms(), 60, none, Reuse::StaleWhileRevalidate),
            (terms(), 69, none, Reuse::StaleWhileRevalidate),
            (terms(), 70, none, stale),
            (strict, 60, none, stale),
            (checked, 1, none, stale),
            (terms(), 1, wish(&|c| c.no_cache = true), request),
            (terms(), 5, wish(&|c| c.max_age = Some(seconds(5))), Reuse::Fresh),
            (terms(), 6, wish(&|c| c.max_age = Some(seconds(5))), request),
            (terms(), 50, wish(&|c| c.min_fresh = Some(seconds(10))), Reuse::Fresh),
            (terms(), 51, wish(&|c| c.min_fresh = Some(seconds(10))), request),
            (terms(), 60, wish(&|c| c.min_fresh = Some(seconds(0))), Reuse::StaleWhileRevalidate),
            (terms(), 61, wish(&|c| c.min_fresh = Some(seconds(0))), request),
            (terms(), 65, wish(&|c| c.max_age = Some(seconds(900))), stale),
            (terms(), 90, wish(&|c| c.max_stale = Some(seconds(30))), Reuse::Stale),
            (terms(), 91, wish(&|c| c.max_stale = Some(seconds(30))), stale),
            (terms(), 9_999, wish(&|c| c.max_stale = Some(Duration::MAX)), Reuse::Stale),
            (strict, 61, wish(&|c| c.max_stale = Some(Duration::MAX)), stale),
            (terms(), 1, now, request),
            (immutable, 1, now, Reuse::Fresh),
            (immutable, 59, now, Reuse::Fresh),
            (immutable, 60, now, request),
            (immutable, 1, wish(&|c| c.no_cache = true), request),
            (immutable, 51, wish(&|c| c.min_fresh = Some(seconds(10))), request),
            (Freshness { validate_always: true, ..immutable }, 1, now, stale),
        ];
        for (freshness, age, wishes, expected) in cases {
            assert_eq!(reuse(&freshness, seconds(age), &wishes), expected, "{freshness:?} at {age} for {wishes:?}");
        }
    }

    #[test]
    fn an_error_is_covered_for_its_time_unless_the_origin_forbids_it() {
        assert!(usable_on_error(&terms(), seconds(159)));
        assert!(!usable_on_error(&terms(), seconds(160)));
        assert!(!usable_on_error(&Freshness { never_stale: true, ..terms() }, seconds(61)));
        assert!(!usable_on_error(&Freshness { validate_always: true, ..terms() }, seconds(61)));
    }
}
