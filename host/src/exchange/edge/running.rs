//! The configuration in force, and what was made of it.

use super::super::routes::Placed;
use crate::config::Config;
use crate::filter::{Environment, Filters};

/// What the next reload is compared with.
pub(in crate::exchange) struct Running {
    pub(in crate::exchange) config: Config,
    pub(in crate::exchange) filters: Filters,
    pub(in crate::exchange) environment: Environment,
    pub(in crate::exchange) placed: Vec<Placed>,
}
