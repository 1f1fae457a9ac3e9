//! Where the exchanges of one worker find the instance of a filter.
//!
//! Under isolation by request one exchange at a time is in it. Another that comes while that one waits has its changes set
//! aside, and brings them back before its next callback: an exchange that runs from its request to its response without
//! another in between pays for nothing but the reset at its end. Each ends on the image it began with, whatever the image
//! has become. Under shared isolation all live in the instance together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::super::abi::ROOT_CONTEXT;
use super::super::bounds::presence;
use super::super::failure::Broken;
use super::super::instance::Instance;
use super::super::measures::metrics::Making;
use super::image::Image;
use super::images::Images;
use super::replica::Aside;
use super::ticket::{Stay, Ticket};

pub(in crate::filter) struct Berth {
    instance: Option<Box<Instance>>,
    /// Counts the instances that have been here.
    number: u64,
    /// The exchange under way whose changes the instance has.
    occupant: Option<u32>,
    aside: HashMap<u32, Aside>,
    /// Why there is no instance.
    absence: Making,
}

/// A callback on the instance of an exchange.
pub(in crate::filter) trait Act<R>: FnOnce(&mut Instance) -> Result<R, Broken> {}
impl<R, F: FnOnce(&mut Instance) -> Result<R, Broken>> Act<R> for F {}

impl Default for Berth {
    fn default() -> Self {
        Self { instance: None, number: 0, occupant: None, aside: HashMap::new(), absence: Making::First }
    }
}

impl Berth {
    /// Lets the exchange of `ticket` into the instance alone; `make` makes one of an image where there is none.
    pub(in crate::filter) fn enter<R>(
        &mut self,
        ticket: &mut Ticket,
        (images, make): (&Images, impl FnOnce(Making, &Arc<Image>) -> Result<Box<Instance>, Broken>),
        act: impl Act<R>,
    ) -> Result<R, Broken> {
        let mut instance = self.turn_to(ticket.context, images, make)?;
        let outcome = attended(&mut instance, ticket, act);
        match &outcome {
            Err(_) => self.vacate(Making::Failed),
            Ok(_) if instance.lendable() => {
                self.occupant = Some(ticket.context);
                self.instance = Some(instance);
                ticket.stay = Stay::Berth(self.number);
            }
            Ok(_) => {
                self.vacate(Making::Outgrown);
                ticket.stay = Stay::Own(instance);
            }
        }
        outcome
    }

    /// Lets the exchange of `ticket` into the instance that it shares with others.
    pub(in crate::filter) fn enter_shared<R>(
        &mut self,
        ticket: &mut Ticket,
        make: impl FnOnce(Making) -> Result<Box<Instance>, Broken>,
        act: impl Act<R>,
    ) -> Result<R, Broken> {
        if let Stay::Berth(number) = ticket.stay
            && (number != self.number || self.instance.is_none())
        {
            return Err(Broken::lost());
        }
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => make(self.absence)?,
        };
        if let (Stay::New, Some(mailbox)) = (&ticket.stay, &ticket.mailbox) {
            instance.move_in(ticket.context, mailbox.clone());
        }
        let outcome = attended(&mut instance, ticket, act);
        if outcome.is_ok() {
            ticket.stay = Stay::Berth(self.number);
            self.instance = Some(instance);
        } else {
            self.vacate(Making::Failed);
        }
        outcome
    }

    /// Ends the stay of an exchange that had the instance alone.
    pub(in crate::filter) fn leave(&mut self, ticket: Ticket) {
        drop(self.take_aside(ticket.context));
        match ticket.stay {
            Stay::Own(mut instance) => {
                if self.instance.is_none() && !instance.is_recorded() && instance.reset().is_ok() {
                    self.instance = Some(instance);
                }
            }
            Stay::Berth(_) if self.occupant == Some(ticket.context) => {
                self.occupant = None;
                if self.instance.as_mut().is_some_and(|instance| instance.reset().is_err()) {
                    self.vacate(Making::Outgrown);
                }
            }
            Stay::Berth(_) | Stay::New => {}
        }
    }

    /// Ends the stay of an exchange that shared the instance.
    pub(in crate::filter) fn leave_shared(&mut self, context: u32) {
        let Some(instance) = &mut self.instance else { return };
        instance.move_out(context);
        if instance.hoards() {
            self.vacate(Making::Outgrown);
        }
    }

    /// Gives up an instance that may be anything.
    pub(in crate::filter) fn vacate(&mut self, absence: Making) {
        self.instance = None;
        self.occupant = None;
        self.number += 1;
        self.absence = absence;
    }

    /// Pages that are put back after an exchange; `None` where there is no such instance, or it wrote too many.
    pub(in crate::filter) fn pages(&self) -> Option<usize> {
        self.instance.as_ref()?.pages()
    }

    pub(in crate::filter) fn is_empty(&self) -> bool {
        self.instance.is_none()
    }

    /// Whether the instance is its image; `None` where there is none, or an exchange under way has it.
    #[cfg(test)]
    pub(in crate::filter) fn pristine(&mut self) -> Option<bool> {
        if self.occupant.is_some() {
            return None;
        }
        self.instance.as_mut()?.pristine()
    }

    /// The instance as the exchange of `context` left it, or as the image where it is new.
    fn turn_to(
        &mut self,
        context: u32,
        images: &Images,
        make: impl FnOnce(Making, &Arc<Image>) -> Result<Box<Instance>, Broken>,
    ) -> Result<Box<Instance>, Broken> {
        if self.occupant == Some(context)
            && let Some(instance) = self.instance.take()
        {
            self.occupant = None;
            return Ok(instance);
        }
        let aside = self.take_aside(context);
        let current = images.current();
        let image = aside.as_ref().map_or(&*current, |aside| &aside.image);
        let mut instance = match self.vacated(image)? {
            Some(instance) => instance,
            None => make(self.absence, image)?,
        };
        if let Some(aside) = &aside {
            instance.bring_back(aside)?;
        }
        Ok(instance)
    }

    /// The instance as `image`, with what its occupant has made of it set aside; `None` where another one must be made.
    fn vacated(&mut self, image: &Arc<Image>) -> Result<Option<Box<Instance>>, Broken> {
        let Some(mut instance) = self.instance.take() else { return Ok(None) };
        let occupant = self.occupant.take();
        if let Some(occupant) = occupant
            && let Some(aside) = instance.set_aside()
        {
            self.aside.insert(occupant, aside);
        }
        if instance.is_of(image) {
            if occupant.is_some() {
                instance.reset()?;
            }
        } else if instance.become_of(image).is_err() {
            self.absence = Making::Outgrown;
            return Ok(None);
        }
        Ok(Some(instance))
    }

    /// Mostly nothing is set aside, and a look into the map would cost as much as a callback's way into the guest.
    fn take_aside(&mut self, context: u32) -> Option<Aside> {
        if self.aside.is_empty() { None } else { self.aside.remove(&context) }
    }
}

/// Runs `act` with the instance turned to the context of `ticket`.
pub(in crate::filter) fn attended<R>(
    instance: &mut Instance,
    ticket: &mut Ticket,
    act: impl Act<R>,
) -> Result<R, Broken> {
    let _inside = presence::enter(ticket.since.unwrap_or_else(Instant::now));
    instance.attend(ticket.context, &mut ticket.log);
    let outcome = act(instance);
    instance.attend(ROOT_CONTEXT, &mut ticket.log);
    outcome
}
