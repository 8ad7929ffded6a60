//! What the tests that cross crates are made of: an oracle, matrices with poisoned gaps, memory between guard pages, an
//! allocator that counts, who has computed, teams that share, and the list of tiers to walk.

pub mod computed;
pub mod counting;
pub mod fingerprint;
pub mod fuzzed;
#[cfg(unix)]
pub mod guard;
pub mod matrix;
pub mod oracle;
pub mod product;
pub mod random;
pub mod repository;
pub mod teams;
pub mod tiers;
