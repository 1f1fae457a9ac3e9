//! The file from top to bottom: every table in turn, then what one says about another.
//!
//! The order here is only that of need: routes come last, because they name origins and filters.

use std::path::PathBuf;

use super::route::Names;
use super::unique::Unique;
use super::{admin, cache, compression, filter, filter_cache, listener, log, node, origin, route};
use crate::config::model::Config;
use crate::config::section::Section;

/// Checks the whole file.
pub(in crate::config) fn config(root: &mut Section<'_>) -> Config {
    let node = root.section("node", node::check);
    let mut sockets = Unique::default();
    let admin = root.section("admin", |section| admin::check(section, &mut sockets));
    let listeners = listener::check_all(root, &mut sockets);
    let log = root.section("log", log::check);
    let cache = root.section("cache", cache::check);
    let compression = root.section("compression", compression::check);
    let mut upstreams = Unique::default();
    let origins = root.named("origins", |name, section| origin::check(name, section, &mut upstreams));
    let statics = root.named("static", |name, section| origin::check_static(name, section, &mut upstreams));
    let filter_limits = root.section("filter_limits", filter::check_limits);
    let filter_cache = root.section("filter_cache", filter_cache::check);
    let filters = root.named("filters", filter::check);
    let names = Names {
        origins: origins.iter().map(|it| it.name.clone()).chain(statics.iter().map(|it| it.name.clone())).collect(),
        filters: filters.iter().map(filter::named).collect(),
    };
    let routes = route::check_all(root, &names);
    Config {
        file: PathBuf::new(),
        node,
        listeners,
        admin,
        log,
        cache,
        compression,
        origins,
        statics,
        filter_limits,
        filter_cache,
        filters,
        routes,
    }
}
