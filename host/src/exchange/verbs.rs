//! What a route's filters want of the cache for this request, made into what key and fetch take.
//!
//! Known once the request filters have run; most requests have none, and cost nothing.

use std::sync::Arc;

use crate::cache::KeyExtra;
use crate::filter::CacheVerbs;
use crate::semantics::{Kept, Order, Overrides, QueryRules};

#[derive(Debug)]
pub(super) struct Verbs {
    pub(super) extra: KeyExtra,
    pub(super) terms: Terms,
}

/// What filters say of the response that this request brings into the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) overrides: Overrides,
    pub(super) tags: Arc<[String]>,
    /// It is for one request only, whatever it says itself.
    pub(super) bypass: bool,
}

impl Terms {
    /// With what filters on its way from the origin say besides: they have the last word, and saw it.
    pub(super) fn with(self, said: Option<Box<CacheVerbs>>) -> Self {
        let Some(said) = said else { return self };
        let CacheVerbs { overrides, mut tags, bypass, .. } = *said;
        let overrides = Overrides {
            ttl: overrides.ttl.or(self.overrides.ttl),
            while_revalidate: overrides.while_revalidate.or(self.overrides.while_revalidate),
            if_error: overrides.if_error.or(self.overrides.if_error),
        };
        tags.extend(self.tags.iter().cloned());
        Self { overrides, tags: tags.into(), bypass: bypass || self.bypass }
    }
}

impl Verbs {
    pub(super) fn new(said: CacheVerbs) -> Self {
        let dropped = (!said.drop_query.is_empty()).then_some(Kept::AllBut(said.drop_query));
        let kept = [said.keep_query.map(Kept::Only), dropped].into_iter().flatten();
        let queries = kept.map(|kept| QueryRules { kept, order: Order::AsWritten }).collect();
        Self {
            extra: KeyExtra { queries, headers: said.vary, parts: said.parts },
            terms: Terms { overrides: said.overrides, tags: said.tags.into(), bypass: said.bypass },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_chosen_before_what_is_dropped() {
        let mut said = CacheVerbs::default();
        said.drop_query.push("page_*".to_owned());
        said.keep_query.get_or_insert_default().push("page*".to_owned());
        let queries = Verbs::new(said).extra.queries;
        assert_eq!(
            queries.iter().map(|rules| &rules.kept).collect::<Vec<_>>(),
            [&Kept::Only(vec!["page*".to_owned()]), &Kept::AllBut(vec!["page_*".to_owned()])]
        );
        assert!(Verbs::new(CacheVerbs::default()).extra.queries.is_empty());
    }
}
