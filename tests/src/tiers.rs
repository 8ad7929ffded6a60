//! Which tiers to walk, and a word on those that this machine lacks: as the kernels' own tests do.

use deltarule_kernels::Isa;

#[path = "../../kernels/src/isa/walked.rs"]
mod walked;

/// Every tier that this machine has. The others of its architecture are printed as skipped.
///
/// # Panics
/// A tier that `DELTARULE_REQUIRE_ISA` names is absent, or no tier has that name.
pub fn all() -> Vec<Isa> {
    walked::walked(|_| true)
}

/// The tiers whose results have the same bits: those with fused multiply-add.
///
/// # Panics
/// As [`all`] does.
pub fn fused() -> Vec<Isa> {
    walked::fused()
}

/// Says what a test skips.
pub fn skipped(what: &str) {
    walked::skipped(what);
}
