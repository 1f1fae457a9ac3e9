//! `[filter_cache]`: where compiled modules are kept from one start to the next.

use std::path::PathBuf;

use crate::config::field::Field;
use crate::config::section::Section;

pub(super) fn check(section: &mut Section<'_>) -> Option<PathBuf> {
    section.field("path").as_ref().and_then(Field::file_path)
}
