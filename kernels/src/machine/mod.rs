//! The machine underneath: its caches, which decide how products are blocked, what no feature bit tells of its CPU, and its peak, which says how good they are.

mod caches;
mod cpu;
mod peak;

pub use caches::{Caches, caches};
pub(crate) use cpu::Habits;
pub use peak::peak_gflops;
