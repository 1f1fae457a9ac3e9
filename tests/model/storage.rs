//! Where the node keeps what it stores: in memory alone, or in memory over a disk that outlasts it.

use fastrand::Rng;
use support::{Origin, TestNode, one_route};

use crate::terms::percent;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Memory,
    MemoryOverDisk,
}

impl Storage {
    pub(crate) fn node(self, origin: &Origin) -> TestNode {
        let disk = match self {
            Self::Memory => "",
            Self::MemoryOverDisk => "[cache]\nmemory = \"1MiB\"\n[cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\n",
        };
        TestNode::start(&format!("{disk}{}", one_route(origin)))
    }

    /// Is the node restarted next? Where nothing outlasts it, never, and no chance is taken.
    pub(crate) fn restarts(self, rng: &mut Rng) -> bool {
        self == Self::MemoryOverDisk && percent(rng, 8)
    }
}
