//! Where the instances of one plugin live, and who is let into them.
//!
//! Exchanges enter by their tickets; the plugin's own callbacks enter one at a time, from its keeper alone. Under isolation
//! by request these have a guest made of the latest image, and what they leave of it is the next one: a callback that fails
//! leaves nothing. Shared instances have their own contexts in them. Where no image can be had, one guest is kept for
//! them, and exchanges never see what they leave.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::abi::ROOT_CONTEXT;
use super::super::calls::outcall::Outcall;
use super::super::failure::{Broken, FailureKind};
use super::super::instance::Instance;
use super::super::loading::load_error::LoadFault;
use super::super::loading::module::Module;
use super::super::measures::metrics::{Making, Meters};
use super::super::profile::Profile;
use super::super::recording::desk::Session;
use super::super::root::orders::Orders;
use super::berth::{self, Act, Berth};
use super::image::Image;
use super::images::Images;
use super::renewal::Renewal;
use super::ticket::{Stay, Ticket};
use crate::config;
use crate::worker;

pub(in crate::filter) struct Quarters {
    pub(in crate::filter) profile: Arc<Profile>,
    pub(in crate::filter) meters: Arc<Meters>,
    pub(in crate::filter) module: Module,
    isolation: Isolation,
    berths: Box<[Slot]>,
    /// Calls made while the image's guest was configured.
    early: Mutex<Vec<Outcall>>,
}

/// One of a plugin's own contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) struct Own {
    index: usize,
    /// The instance that it must be in still, where it is shared.
    berth: Option<u64>,
}

impl Own {
    /// The context of this number, whatever instance it is in.
    pub(in crate::filter) fn any(index: usize) -> Self {
        Self { index, berth: None }
    }
}

/// What came of a turn of a plugin's own context.
pub(in crate::filter) struct Turn<R> {
    pub(in crate::filter) outcome: R,
    pub(in crate::filter) own: Own,
    /// Calls that it made.
    pub(in crate::filter) calls: Vec<Outcall>,
}

/// How exchanges are kept apart.
enum Isolation {
    /// Each finds an image.
    Image(Images),
    /// Each has an instance to itself, started for it; the plugin's own context keeps one, once it has something to do.
    Exclusive(Kept),
    /// They are not.
    Shared,
}

type Kept = Mutex<Option<Box<Instance>>>;

/// What to do where a shared context has not been made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Absent {
    Make,
    Leave,
}

/// On cache lines of its own: workers never wait for each other's.
#[repr(align(128))]
#[derive(Default)]
struct Slot(Mutex<Berth>);

impl Slot {
    /// A panic under the lock leaves an instance that may be anything.
    fn lock(&self) -> MutexGuard<'_, Berth> {
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut berth = poisoned.into_inner();
            berth.vacate(Making::Failed);
            self.0.clear_poison();
            berth
        })
    }
}

impl Quarters {
    /// Quarters for so many workers, after a first instance has shown that the plugin starts.
    pub(in crate::filter) fn new(
        (profile, meters): (Arc<Profile>, Arc<Meters>),
        module: Module,
        (isolation, renewal): (config::Isolation, Renewal),
        workers: usize,
    ) -> Result<Self, LoadFault> {
        let mut first = Instance::start(&profile, &module.code)?;
        let mut early = Vec::new();
        let isolation = match isolation {
            config::Isolation::Shared => Isolation::Shared,
            config::Isolation::Request => by_request(first_image(&mut first, &profile, &module, renewal), &profile),
        };
        if matches!(isolation, Isolation::Image(_)) {
            early = first.take_calls();
        }
        let berths = (0..workers.max(1)).map(|_| Slot::default()).collect();
        Ok(Self { profile, meters, module, isolation, berths, early: Mutex::new(early) })
    }

    pub(in crate::filter) fn orders(&self) -> &Orders {
        &self.profile.orders
    }

    /// The ticket of an exchange of this context, for the worker at hand.
    pub(in crate::filter) fn ticket(&self, context: u32) -> Ticket {
        let mailbox = self.are_shared().then(Arc::default);
        Ticket { mailbox, ..Ticket::new(context, worker::slot(self.berths.len())) }
    }

    /// Gives the exchange of `ticket` an instance of its own, whose calls are noted. Where that cannot be, it is one like
    /// any other.
    pub(in crate::filter) fn record(&self, ticket: &mut Ticket, session: &Session) {
        let Isolation::Image(images) = &self.isolation else { return session.recorder.give_up() };
        let image = images.current();
        let made = Instance::replicate(&self.profile, &session.code, (&image, &images.names), images.renewal);
        let Ok(mut instance) = made else { return session.recorder.give_up() };
        if let Some(tape) = session.tape(&image, ticket.context) {
            instance.record(tape);
            ticket.stay = Stay::Own(Box::new(instance));
        }
    }

    /// The image that exchanges find now; `None` where they find none.
    pub(in crate::filter) fn image(&self) -> Option<Arc<Image>> {
        match &self.isolation {
            Isolation::Image(images) => Some(images.current().clone()),
            Isolation::Exclusive(_) | Isolation::Shared => None,
        }
    }

    /// Lets `act` work on the instance in which the context of `ticket` lives. After an error the ticket is void: the
    /// instance is gone, or no longer knows the context, and it must not be entered again.
    pub(in crate::filter) fn enter<R>(&self, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
        match (mem::replace(&mut ticket.stay, Stay::New), &self.isolation) {
            (Stay::Own(instance), _) => enter_own(instance, ticket, act),
            (_, Isolation::Exclusive(_)) => enter_own(self.start(Making::Exclusive)?, ticket, act),
            (stay, Isolation::Shared) => {
                ticket.stay = stay;
                self.berths[ticket.berth].lock().enter_shared(ticket, |making| self.start(making), act)
            }
            (_, Isolation::Image(images)) if images.renewal == Renewal::Copies => {
                self.meters.count_instance(Making::Exclusive);
                enter_own(self.replicate(&images.current(), images)?, ticket, act)
            }
            (stay, Isolation::Image(images)) => {
                ticket.stay = stay;
                let make = |making, image: &Arc<Image>| {
                    self.meters.count_instance(making);
                    self.replicate(image, images)
                };
                self.berths[ticket.berth].lock().enter(ticket, (images, make), act)
            }
        }
    }

    /// Takes back the ticket of an exchange whose context has ended, or that goes away without ending it.
    pub(in crate::filter) fn leave(&self, ticket: Ticket) {
        match self.isolation {
            Isolation::Image(_) => self.berths[ticket.berth].lock().leave(ticket),
            Isolation::Shared => self.berths[ticket.berth].lock().leave_shared(ticket.context),
            Isolation::Exclusive(_) => {}
        }
    }

    /// How many contexts of its own the plugin has.
    pub(in crate::filter) fn own_contexts(&self) -> usize {
        if self.are_shared() { self.berths.len() } else { 1 }
    }

    /// Lets `act` work in one of the plugin's own contexts. After an error this is what it was before, or gone where it is
    /// shared with exchanges. `None` where there is none.
    pub(in crate::filter) fn own<R>(
        &self,
        own: Own,
        absent: Absent,
        act: impl Act<R>,
    ) -> Result<Option<Turn<R>>, Broken> {
        let mut ticket = Ticket::new(ROOT_CONTEXT, own.index);
        ticket.stay = own.berth.map_or(Stay::New, Stay::Berth);
        let act = |instance: &mut Instance| {
            let outcome = act(instance)?;
            // What was refused memory is not what others are to start from.
            let refused = Broken::new(FailureKind::Memory, "the guest was refused more memory");
            if instance.hoards() { Err(refused) } else { Ok((outcome, instance.take_calls())) }
        };
        let (outcome, calls) = match &self.isolation {
            Isolation::Image(images) => self.own_of_image(images, &mut ticket, act)?,
            Isolation::Exclusive(kept) => self.own_kept(kept, &mut ticket, act)?,
            Isolation::Shared => {
                let mut berth = self.berths[own.index].lock();
                if absent == Absent::Leave && berth.is_empty() {
                    return Ok(None);
                }
                berth.enter_shared(&mut ticket, |making| self.start(making), act)?
            }
        };
        let berth = if let Stay::Berth(number) = ticket.stay { Some(number) } else { None };
        Ok(Some(Turn { outcome, own: Own { berth, ..own }, calls }))
    }

    fn own_of_image<R>(&self, images: &Images, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
        let mut instance = self.replicate(&images.latest(), images)?;
        let outcome = berth::attended(&mut instance, ticket, act)?;
        if instance.changed() {
            let image = instance.image(&images.names);
            images.advance(image.ok_or_else(|| Broken::start("what the filter became cannot be kept"))?);
        }
        Ok(outcome)
    }

    fn own_kept<R>(&self, kept: &Kept, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut instance = match kept.take() {
            Some(instance) => instance,
            None => self.start(Making::Exclusive)?,
        };
        let outcome = berth::attended(&mut instance, ticket, act)?;
        *kept = Some(instance);
        Ok(outcome)
    }

    /// Calls that one of the plugin's own contexts made while it was configured, before anybody could carry them out.
    pub(in crate::filter) fn early_calls(&self, index: usize) -> Result<Option<Turn<()>>, Broken> {
        if !matches!(self.isolation, Isolation::Image(_)) {
            return self.own(Own::any(index), Absent::Make, |_| Ok(()));
        }
        let calls = mem::take(&mut *self.early.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Some(Turn { outcome: (), own: Own::any(index), calls }))
    }

    /// Whether the plugin's own contexts are in the instances of exchanges.
    pub(in crate::filter) fn are_shared(&self) -> bool {
        matches!(self.isolation, Isolation::Shared)
    }

    /// Gives up what the plugin's own context has become, where it has one to itself: it is started again.
    pub(in crate::filter) fn start_anew(&self) -> Result<(), Broken> {
        let mut instance = self.start(Making::Failed)?;
        match &self.isolation {
            Isolation::Image(images) => {
                let image = instance.image(&images.names);
                images.advance(image.ok_or_else(|| Broken::start("what the filter is cannot be kept"))?);
                *self.early.lock().unwrap_or_else(PoisonError::into_inner) = instance.take_calls();
            }
            Isolation::Exclusive(kept) => {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance);
            }
            Isolation::Shared => {}
        }
        Ok(())
    }

    /// Whether new exchanges find what the plugin's own context has become.
    pub(in crate::filter) fn publish(&self) -> bool {
        match &self.isolation {
            Isolation::Image(images) => images.publish(),
            Isolation::Exclusive(_) | Isolation::Shared => true,
        }
    }

    fn replicate(&self, image: &Arc<Image>, images: &Images) -> Result<Box<Instance>, Broken> {
        let Images { names, renewal, .. } = images;
        let made = Instance::replicate(&self.profile, &self.module.code, (image, names), *renewal);
        made.map(Box::new).map_err(Broken::start)
    }

    fn start(&self, making: Making) -> Result<Box<Instance>, Broken> {
        self.meters.count_instance(making);
        Instance::start(&self.profile, &self.module.code).map(Box::new).map_err(Broken::start)
    }

    /// Pages that are put back after an exchange of this thread; `None` where that is not how exchanges are kept apart.
    pub(in crate::filter) fn pages(&self) -> Option<usize> {
        self.berths[worker::slot(self.berths.len())].lock().pages()
    }

    /// Whether what the next exchange on this thread finds is the image; `None` where there is none, or no instance yet.
    #[cfg(test)]
    pub(in crate::filter) fn pristine(&self) -> Option<bool> {
        if let Isolation::Image(images) = &self.isolation
            && images.renewal == Renewal::Copies
        {
            return self.replicate(&images.current(), images).ok()?.pristine();
        }
        self.berths[worker::slot(self.berths.len())].lock().pristine()
    }
}

/// By images, where the module and this machine allow it.
fn by_request(images: Result<Images, String>, profile: &Profile) -> Isolation {
    images.map_or_else(
        |reason| {
            tracing::warn!(filter = %profile.name, reason, "filter is started for every exchange");
            Isolation::Exclusive(Mutex::default())
        },
        Isolation::Image,
    )
}

/// Images that begin with that of `first`, or why there are none.
fn first_image(
    first: &mut Instance,
    profile: &Arc<Profile>,
    module: &Module,
    renewal: Renewal,
) -> Result<Images, String> {
    let names = module.globals.as_ref().map_err(ToString::to_string)?;
    let image = Arc::new(first.image(names).ok_or("image")?);
    // One is made for trial: what does not work here will not work for any exchange.
    let made = |renewal| Instance::replicate(profile, &module.code, (&image, names), renewal);
    if renewal == Renewal::Pages {
        match made(renewal) {
            Ok(_) => return Ok(Images::new(image, names.clone(), renewal)),
            Err(fault) => {
                tracing::warn!(filter = %profile.name, reason = %fault, "filter is copied for every exchange");
            }
        }
    }
    made(Renewal::Copies).map_err(|fault| fault.to_string())?;
    Ok(Images::new(image, names.clone(), Renewal::Copies))
}

fn enter_own<R>(mut instance: Box<Instance>, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
    let outcome = berth::attended(&mut instance, ticket, act)?;
    ticket.stay = Stay::Own(instance);
    Ok(outcome)
}
