//! A shared instance between its contexts: what one of them has for the others, and what they have left for it.

use super::super::bodies::heads::Heads;
use super::super::failure::Broken;
use super::super::isolation::residents::Holds;
use super::super::state::{Moment, State};
use super::Instance;
use super::decision::{Decision, check_message};

impl Instance {
    /// Opens what others have left for the context that is about to be entered: with the answer to a call, or else with
    /// something new, about which they have not said anything yet.
    pub(super) fn open_letters(&mut self) {
        let context = self.context;
        let state = self.store.data_mut();
        if state.residents.is_empty() {
            return;
        }
        if state.call.is_none() {
            state.residents.turn_the_page(context);
        }
        if let Some(mut heads) = state.residents.take_back(context) {
            state.request.swap(&mut heads.request);
            if let Some(response) = &mut heads.response {
                state.response.swap(response);
            }
        }
    }

    /// Shows others the heads that the context at hand holds back, and delivers what it has for them. After an error that
    /// is lost, with the instance.
    pub(super) fn send_letters(&mut self, decision: Option<&Decision>) -> Result<(), Broken> {
        let context = self.context;
        let state = self.store.data_mut();
        if state.residents.is_empty() {
            return Ok(());
        }
        for message in state.residents.changed_heads().flat_map(Heads::messages) {
            check_message(message, &state.profile.limits)?;
        }
        if let (Some(decision), Moment::Request | Moment::Response) = (decision, state.moment) {
            let pauses = matches!(decision, Decision::Pause) && state.is_at_head();
            let holds = if pauses { Holds::FromNow } else { Holds::AsBefore };
            state.residents.show(context, holds, || heads(state));
        }
        state.residents.deliver();
        Ok(())
    }
}

/// A copy of the heads that are lent.
fn heads(state: &State) -> Heads {
    let response = (state.moment == Moment::Response).then(|| state.response.get().clone());
    Heads { request: state.request.get().clone(), response }
}
