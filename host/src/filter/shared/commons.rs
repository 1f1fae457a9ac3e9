//! What filters share beyond one exchange: the data of each virtual machine, and all queues.
//!
//! Kept by the environment, so that it outlives loads. A virtual machine is a name in the configuration here: filters that
//! give the same one share data, whatever instances they run in.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use super::shared_queues::SharedQueues;
use super::vm::Vm;

#[derive(Debug, Default)]
pub(in crate::filter) struct Commons {
    vms: Mutex<Vec<Arc<Vm>>>,
    pub(in crate::filter) queues: SharedQueues,
    /// The last number given to a value; one row for all data, as in the reference host.
    last_cas: Arc<AtomicU32>,
}

impl Commons {
    /// The virtual machine of this name, made now where nobody has named it. Asked at load only.
    pub(in crate::filter) fn vm(&self, name: &str) -> Arc<Vm> {
        let mut vms = self.vms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = vms.iter().find(|vm| *vm.name == *name) {
            return known.clone();
        }
        let made = Arc::new(Vm::new(name, self.last_cas.clone()));
        vms.push(made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_same_machine_at_every_load() {
        let commons = Commons::default();
        assert!(Arc::ptr_eq(&commons.vm("a"), &commons.vm("a")));
        assert!(!Arc::ptr_eq(&commons.vm("a"), &commons.vm("b")));
    }
}
