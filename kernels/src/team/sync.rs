//! What the protocols of a team are made of: atomics, and how one waits for them. Where `kernels/orders` models them, loom's take their
//! place.

pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Waits a moment: on the core at first, then by giving it away.
pub(super) fn relax(spins: &mut u32) {
    *spins = spins.saturating_add(1);
    if *spins < 10_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
}
