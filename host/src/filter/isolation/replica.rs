//! A guest that can be made its filter's image again.
//!
//! Memory and mutable globals are all that a guest of an instrumented module can change of itself; the one by the pages
//! written, the others one by one.

use std::sync::Arc;

use wasmtime::{Global, Instance as Guest, Memory, Store};

use super::super::state::State;
use super::image::{Image, Number};
use super::tracked::{Difference, Tracked};

pub(in crate::filter) struct Replica {
    memory: Memory,
    globals: Box<[Global]>,
    image: Arc<Image>,
    tracked: Tracked,
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

/// Lays `image` over `memory`, which grows where it is smaller.
fn laid(store: &mut Store<State>, memory: Memory, image: &Arc<Image>) -> wasmtime::Result<Tracked> {
    let missing = image.memory().len().saturating_sub(memory.data_size(&*store)) as u64;
    let page_bytes = memory.page_size(&*store);
    memory.grow(&mut *store, missing / page_bytes)?;
    Ok(Tracked::new(store, memory, image.clone())?)
}

impl Replica {
    /// Makes a guest that was only instantiated what `image` was taken of.
    pub(in crate::filter) fn new(
        store: &mut Store<State>,
        guest: &Guest,
        (image, names): (&Arc<Image>, &[String]),
    ) -> wasmtime::Result<Self> {
        let lacking = || wasmtime::Error::msg("the module has other exports than its image");
        let memory = store.data().memory.ok_or_else(lacking)?;
        let globals = globals(store, guest, names).ok_or_else(lacking)?;
        let tracked = laid(store, memory, image)?;
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
        self.tracked = laid(store, self.memory, image)?;
        self.image = image.clone();
        self.set_globals(store, None)
    }

    /// Whether the guest is anything else than its image.
    pub(in crate::filter) fn changed(&self, store: &mut Store<State>) -> bool {
        let same = |(global, number): (&Global, &Number)| Number::of(global.get(&mut *store)) == Some(*number);
        let globals = self.globals.iter().zip(&self.image.globals).all(same);
        !globals || !self.lendable(store) || self.tracked.differs(self.memory.data(&*store))
    }

    /// Whether the guest can be lent to others while its exchange is under way, and made the image again.
    pub(in crate::filter) fn lendable(&self, store: &Store<State>) -> bool {
        !self.grown(store) && !self.tracked.overrun()
    }

    /// Whether the memory has grown: it cannot shrink.
    pub(in crate::filter) fn grown(&self, store: &Store<State>) -> bool {
        self.memory.data_size(store) != self.image.memory().len()
    }

    /// Makes the guest the image again.
    pub(in crate::filter) fn reset(&mut self, store: &mut Store<State>) -> wasmtime::Result<()> {
        self.tracked.restore(self.memory.data_mut(&mut *store))?;
        self.set_globals(store, None)
    }

    /// What the guest has that its image has not.
    pub(in crate::filter) fn set_aside(&self, store: &mut Store<State>) -> Aside {
        let memory = self.tracked.difference(self.memory.data(&*store));
        let number = |global: &Global| Number::of(global.get(&mut *store));
        let globals = self.globals.iter().filter_map(number).collect();
        Aside { image: self.image.clone(), memory, globals }
    }

    /// Brings back what was set aside to a guest that is the image.
    pub(in crate::filter) fn bring_back(&mut self, store: &mut Store<State>, aside: &Aside) -> wasmtime::Result<()> {
        self.tracked.apply(self.memory.data_mut(&mut *store), &aside.memory)?;
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

    /// Whether the guest is its image, bit for bit.
    #[cfg(test)]
    pub(in crate::filter) fn pristine(&self, store: &mut Store<State>) -> bool {
        let same = |(global, number): (&Global, &Number)| Number::of(global.get(&mut *store)) == Some(*number);
        let globals = self.globals.iter().zip(&self.image.globals).all(same);
        globals && self.memory.data(&*store) == self.image.memory()
    }
}
