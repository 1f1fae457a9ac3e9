//! A guest that can be made its filter's image again.
//!
//! Memory and mutable globals are all that a guest of an instrumented module can change of itself. The one is put back by
//! the pages written, the others one by one; where pages are not tracked, a replica serves one exchange and is given up.

use std::sync::Arc;

use wasmtime::{Global, Instance as Guest, Memory, Store};
use xxhash_rust::xxh3::Xxh3Default;

use super::super::state::State;
use super::image::{Image, Number};
use super::renewal::Renewal;
use super::tracking::{Difference, Tracked};

pub(in crate::filter) struct Replica {
    memory: Memory,
    globals: Box<[Global]>,
    image: Arc<Image>,
    /// `None` where the image was copied.
    tracked: Option<Tracked>,
}

/// What an exchange under way has made of an image, while another one has the instance.
pub(in crate::filter) struct Aside {
    pub(in crate::filter) image: Arc<Image>,
    memory: Difference,
    globals: Box<[Number]>,
}

/// The image of a guest, whose mutable globals are exported as `names`. `None` where that cannot be had here.
pub(in crate::filter) fn image(store: &mut Store<State>, guest: &Guest, names: &[String]) -> Option<Image> {
    let globals = globals(store, guest, names)?;
    let values = globals.iter().map(|global| Number::of(global.get(&mut *store))).collect::<Option<_>>()?;
    let memory = store.data().memory?;
    Image::take(memory.data(&*store), values).ok()
}

fn globals(store: &mut Store<State>, guest: &Guest, names: &[String]) -> Option<Box<[Global]>> {
    names.iter().map(|name| guest.get_global(&mut *store, name)).collect()
}

fn tracked(tracked: &mut Option<Tracked>) -> wasmtime::Result<&mut Tracked> {
    tracked.as_mut().ok_or_else(|| wasmtime::Error::msg("the guest's pages are not tracked"))
}

/// Puts `image` in the place of `memory`, which grows where it is smaller.
fn laid(
    store: &mut Store<State>,
    memory: Memory,
    image: &Arc<Image>,
    renewal: Renewal,
) -> wasmtime::Result<Option<Tracked>> {
    let missing = image.memory().len().saturating_sub(memory.data_size(&*store)) as u64;
    let page_bytes = memory.page_size(&*store);
    memory.grow(&mut *store, missing / page_bytes)?;
    store.data_mut().limiter.settled();
    if renewal == Renewal::Pages {
        return Ok(Some(Tracked::new(store, memory, image.sealed().clone())?));
    }
    memory.write(&mut *store, 0, image.memory())?;
    Ok(None)
}

impl Replica {
    /// Makes a guest that was only instantiated what `image` was taken of.
    pub(in crate::filter) fn new(
        store: &mut Store<State>,
        guest: &Guest,
        (image, names): (&Arc<Image>, &[String]),
        renewal: Renewal,
    ) -> wasmtime::Result<Self> {
        let lacking = || wasmtime::Error::msg("the module has other exports than its image");
        let memory = store.data().memory.ok_or_else(lacking)?;
        let globals = globals(store, guest, names).ok_or_else(lacking)?;
        let tracked = laid(store, memory, image, renewal)?;
        let mut replica = Self { memory, globals, image: image.clone(), tracked };
        replica.set_globals(store, None)?;
        Ok(replica)
    }

    /// Whether this is what the guest is made of.
    pub(in crate::filter) fn is_of(&self, image: &Arc<Image>) -> bool {
        Arc::ptr_eq(&self.image, image)
    }

    /// Makes a guest of one image that of another. Not to a smaller one: a memory cannot shrink.
    pub(in crate::filter) fn become_of(
        &mut self,
        store: &mut Store<State>,
        image: &Arc<Image>,
    ) -> wasmtime::Result<()> {
        self.tracked = laid(store, self.memory, image, Renewal::Pages)?;
        self.image = image.clone();
        self.set_globals(store, None)
    }

    /// Whether the guest is anything else than its image.
    pub(in crate::filter) fn changed(&self, store: &mut Store<State>) -> bool {
        let same = |(global, number): (&Global, &Number)| Number::of(global.get(&mut *store)) == Some(*number);
        let globals = self.globals.iter().zip(&self.image.globals).all(same);
        let memory = self.memory.data(&*store);
        let differs = match &self.tracked {
            Some(tracked) => tracked.overrun() || tracked.differs(memory),
            None => memory != self.image.memory(),
        };
        !globals || self.grown(store) || differs
    }

    /// Whether the guest can be lent to others while its exchange is under way, and made the image again.
    pub(in crate::filter) fn lendable(&self, store: &Store<State>) -> bool {
        !self.grown(store) && self.tracked.as_ref().is_some_and(|tracked| !tracked.overrun())
    }

    /// Whether the memory has grown: it cannot shrink. The limiter knows, and looking at the memory, which every callback
    /// would do, takes longer.
    pub(in crate::filter) fn grown(&self, store: &Store<State>) -> bool {
        store.data().limiter.grown()
    }

    /// Pages that are put back after an exchange; `None` where that is all of them.
    pub(in crate::filter) fn pages(&self) -> Option<usize> {
        self.tracked.as_ref()?.pages()
    }

    /// Makes the guest the image again.
    pub(in crate::filter) fn reset(&mut self, store: &mut Store<State>) -> wasmtime::Result<()> {
        tracked(&mut self.tracked)?.restore(self.memory.data_mut(&mut *store))?;
        self.set_globals(store, None)
    }

    /// What the guest has that its image has not; `None` where that is not known.
    pub(in crate::filter) fn set_aside(&self, store: &mut Store<State>) -> Option<Aside> {
        let memory = self.tracked.as_ref()?.difference(self.memory.data(&*store));
        let number = |global: &Global| Number::of(global.get(&mut *store));
        let globals = self.globals.iter().filter_map(number).collect();
        Some(Aside { image: self.image.clone(), memory, globals })
    }

    /// Brings back what was set aside to a guest that is the image.
    pub(in crate::filter) fn bring_back(&mut self, store: &mut Store<State>, aside: &Aside) -> wasmtime::Result<()> {
        tracked(&mut self.tracked)?.apply(self.memory.data_mut(&mut *store), &aside.memory)?;
        self.set_globals(store, Some(&aside.globals))
    }

    /// Sets the globals that have another value than `numbers`, or than the image.
    fn set_globals(&mut self, store: &mut Store<State>, numbers: Option<&[Number]>) -> wasmtime::Result<()> {
        for (global, number) in self.globals.iter().zip(numbers.unwrap_or(&self.image.globals)) {
            if Number::of(global.get(&mut *store)) != Some(*number) {
                global.set(&mut *store, number.value())?;
            }
        }
        Ok(())
    }

    /// What tells memory and globals from any others, in hexadecimal.
    pub(in crate::filter) fn digest(&self, store: &mut Store<State>) -> String {
        let mut sum = Xxh3Default::new();
        sum.update(self.memory.data(&*store));
        for global in &self.globals {
            let number = Number::of(global.get(&mut *store));
            sum.update(number.map(Number::word).unwrap_or_default().as_bytes());
        }
        format!("{:032x}", sum.digest128())
    }

    /// Whether the guest is its image, bit for bit.
    #[cfg(test)]
    pub(in crate::filter) fn pristine(&self, store: &mut Store<State>) -> bool {
        let same = |(global, number): (&Global, &Number)| Number::of(global.get(&mut *store)) == Some(*number);
        let globals = self.globals.iter().zip(&self.image.globals).all(same);
        globals && self.memory.data(&*store) == self.image.memory()
    }
}
