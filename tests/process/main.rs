//! Process tests: the real program as an operator starts it, before a real nginx and a real site.

mod canaries;
mod checking;
mod crowd;
mod filter_authors;
mod filter_case_bodies;
mod filter_case_calls;
mod filter_cases;
mod ghosts;
mod large_bodies;
mod modules;
mod operating;
mod real_codings;
mod real_site;
mod reloading;
mod replaying;
mod running;
mod unrecorded;
mod versions;
