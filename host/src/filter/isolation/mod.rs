//! How every exchange meets a filter as it was configured, at the price of a shared instance.
//!
//! `instrument` opens a module's globals, `image` is a configured instance's memory and globals, a `replica` is an instance
//! made from it by one way of `renewal`: commonly `tracking` notes the pages it writes, to put them back. A `berth` is a
//! worker's one instance, a `ticket` an exchange's right to it, and `live` counts them all. `quarters` are a plugin's
//! berths together, and `images` what its instances are made of, which its own callbacks change. Where exchanges are to
//! share an instance they are its `residents`, and have a `mailbox` each.

pub(super) mod berth;
pub(super) mod image;
pub(super) mod images;
pub(super) mod instrument;
pub(super) mod live;
pub(super) mod mailbox;
pub(super) mod quarters;
pub(super) mod renewal;
pub(super) mod replica;
pub(super) mod residents;
pub(super) mod ticket;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) mod tracking;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) mod untracked;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) use untracked as tracking;
