//! The coded forms of one stored body, made once each and kept with it.
//!
//! They belong to the bytes, not to a head: an entry that a 304 renews goes on with the same forms, and one that is
//! replaced or invalidated takes its forms along, even those that are still being made. So no form can ever be sent under
//! the head of another version. The exchange makes them; this file knows no encoder.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::semantics::Coding;

/// Forms of one body. A head that has them may be coded; one that must be sent as it is has none.
#[derive(Debug, Default)]
pub struct Forms {
    made: [OnceLock<Form>; Coding::ALL.len()],
    /// One bit for each coding that somebody makes or has made.
    claimed: AtomicU8,
    /// The key that the entry was stored under.
    pub(super) key: OnceLock<Arc<str>>,
}

/// What came of coding a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Smaller(Bytes),
    /// It would be no smaller, or could not be made: the body is sent as it is.
    Useless,
}

impl Forms {
    /// `None` while nobody has made it.
    pub fn get(&self, coding: Coding) -> Option<&Form> {
        self.made[coding.index()].get()
    }

    /// The duty to make this form; `None` where somebody else has it or has done it.
    pub fn claim(self: &Arc<Self>, coding: Coding) -> Option<Claim> {
        let bit = 1 << coding.index();
        let before = self.claimed.fetch_or(bit, Ordering::AcqRel);
        (before & bit == 0).then(|| Claim { forms: self.clone(), coding })
    }

    /// The bytes they hold.
    pub(super) fn weight(&self) -> usize {
        let held = |form: &Form| if let Form::Smaller(bytes) = form { bytes.len() } else { 0 };
        self.made.iter().filter_map(OnceLock::get).map(held).sum()
    }
}

/// The duty to make one form. Dropped, it lets the next one try.
#[derive(Debug)]
pub struct Claim {
    forms: Arc<Forms>,
    coding: Coding,
}

impl Claim {
    /// Everybody gets this form from now on.
    pub(super) fn settle(self, form: Form) -> Arc<Forms> {
        // The cell is set here only, and there is one claim at a time.
        let _ = self.forms.made[self.coding.index()].set(form);
        self.forms.clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.forms.get(self.coding).is_none() {
            self.forms.claimed.fetch_and(!(1 << self.coding.index()), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::lookup::tests::{House, house};
    use crate::cache::{Entry, Head, Lookup};

    #[test]
    fn one_makes_a_form_and_a_lost_one_is_made_by_the_next() {
        let forms = Arc::new(Forms::default());
        let claim = forms.claim(Coding::Br).expect("nobody has it");
        assert!(forms.claim(Coding::Br).is_none());
        assert!(forms.claim(Coding::Gzip).is_some(), "another form is another duty");
        drop(claim);
        let claim = forms.claim(Coding::Br).expect("given back");
        claim.settle(Form::Smaller(Bytes::from_static(b"abc")));
        assert!(forms.claim(Coding::Br).is_none(), "done once");
        assert_eq!(forms.get(Coding::Br), Some(&Form::Smaller(Bytes::from_static(b"abc"))));
        assert_eq!(forms.get(Coding::Gzip), None);
        assert_eq!(forms.weight(), 3);
        forms.claim(Coding::Gzip).expect("given back").settle(Form::Useless);
        assert_eq!((forms.get(Coding::Gzip), forms.weight()), (Some(&Form::Useless), 3));
    }

    /// A head whose body may be coded.
    fn codable(house: &House) -> Head {
        Head { forms: Some(Arc::default()), ..house.head(None) }
    }

    fn stored(house: &House) -> Arc<Entry> {
        match house.look() {
            Lookup::Hit(entry) => entry,
            _ => panic!("stored"),
        }
    }

    fn claim(entry: &Entry) -> Claim {
        entry.head.forms.as_ref().expect("may be coded").claim(Coding::Br).expect("nobody has it")
    }

    /// A form of this many bytes.
    fn form(bytes: usize) -> Form {
        Form::Smaller(Bytes::from(vec![b'x'; bytes]))
    }

    #[tokio::test]
    async fn a_form_counts_in_the_budget_from_when_it_is_made() {
        let house = house();
        house.lead().fill(codable(&house)).finish().await;
        let before = house.gauge("forebay_cache_bytes");
        house.cache.keep(claim(&stored(&house)), form(5_000));
        assert_eq!(house.gauge("forebay_cache_bytes"), before + 5_000.0);
        assert_eq!(house.gauge("forebay_cache_entries"), 1.0);
    }

    #[tokio::test]
    async fn a_form_of_what_was_replaced_meanwhile_is_nobodys() {
        let house = house();
        house.lead().fill(codable(&house)).finish().await;
        let claim = claim(&stored(&house));
        house.clock.advance(Duration::from_secs(61));
        house.lead().fill(codable(&house)).finish().await;
        let before = house.gauge("forebay_cache_bytes");
        house.cache.keep(claim, form(5_000));
        assert_eq!(stored(&house).head.forms.as_ref().and_then(|forms| forms.get(Coding::Br)), None);
        assert_eq!(house.gauge("forebay_cache_bytes"), before);
    }

    #[tokio::test]
    async fn a_form_brings_nothing_back_that_was_invalidated_meanwhile() {
        let house = house();
        house.lead().fill(codable(&house)).finish().await;
        let claim = claim(&stored(&house));
        house.cache.invalidate(&house.key);
        house.cache.keep(claim, form(5_000));
        assert_eq!(house.gauge("forebay_cache_bytes"), 0.0);
        drop(house.lead());
    }

    #[tokio::test]
    async fn a_renewed_response_goes_on_with_its_forms() {
        let house = house();
        house.lead().fill(codable(&house)).finish().await;
        let old = stored(&house);
        let early = claim(&old);
        house.clock.advance(Duration::from_secs(61));
        let renewed = Head { forms: old.head.forms.clone(), ..house.head(None) };
        house.lead().renew(renewed, &old);
        let before = house.gauge("forebay_cache_bytes");
        house.cache.keep(early, form(5_000));
        assert_eq!(stored(&house).head.forms.as_ref().and_then(|forms| forms.get(Coding::Br)), Some(&form(5_000)));
        assert_eq!(house.gauge("forebay_cache_bytes"), before + 5_000.0);
    }
}
