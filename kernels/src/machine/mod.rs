//! The machine underneath: its caches, which decide how products are blocked, and its peak, which says how good they are.

mod caches;
mod peak;

pub use caches::{Caches, caches};
pub use peak::peak_gflops;
