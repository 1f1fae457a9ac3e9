//! Names and what was noted of them: bounded in number and in bytes, because clients choose the names.
//!
//! A name may be as long as a request's head allows, so many long ones would be gigabytes where as many common ones are
//! megabytes. Whoever keeps notes by key or path keeps them here.

use std::hash::Hash;

use moka::sync::Cache;

/// A name up to this long counts as one, and a longer one as so many more.
const NAME_BYTES: usize = 256;

pub type Notebook<K, V> = Cache<K, V>;

/// Has room for so many names of common length.
pub fn notebook<K, V>(names_max: u64) -> Notebook<K, V>
where
    K: AsRef<str> + Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(names_max).weigher(|name: &K, _| places(name.as_ref())).build()
}

/// How many names of common length this one takes the place of.
pub(super) fn places(name: &str) -> u32 {
    u32::try_from(name.len() / NAME_BYTES).map_or(u32::MAX, |more| more.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_take_the_room_of_several() {
        let room = |length: usize| {
            let notes = notebook::<String, ()>(100);
            (0..200).for_each(|number| notes.insert(format!("{number:0length$}"), ()));
            notes.run_pending_tasks();
            notes.entry_count()
        };
        assert_eq!((room(3), room(255)), (100, 100));
        assert_eq!((room(256), room(1024)), (50, 20));
        assert_eq!(room(100 * 256), 0);
    }
}
