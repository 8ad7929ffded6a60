//! The machine underneath: its caches, which decide how products are blocked, what no feature bit tells of its CPU, and its limits, which say how
//! good they are: its peak, and how fast it reads.

mod at_once;
mod bandwidth;
mod caches;
mod cpu;
mod peak;

pub use bandwidth::{Level, read_bandwidth};
pub use caches::{Caches, caches};
pub(crate) use cpu::Habits;
pub use peak::peak_gflops;
