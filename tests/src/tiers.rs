//! Which tiers to walk, and a word on those that this machine lacks.

use deltarule_kernels::Isa;

/// Names tiers, separated by commas, that must be there: a test machine that lost AVX-512 then fails instead of testing
/// less.
pub const REQUIRE: &str = "DELTARULE_REQUIRE_ISA";

/// Every tier that this machine has. The others of its architecture are printed as skipped.
///
/// # Panics
/// A tier that `DELTARULE_REQUIRE_ISA` names is absent, or no tier has that name.
pub fn all() -> Vec<Isa> {
    let here = Isa::available();
    for isa in family().iter().filter(|isa| !here.contains(isa)) {
        eprintln!("skipped: this machine has no {isa}");
    }
    for name in std::env::var(REQUIRE).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let isa: Isa = name.parse().unwrap_or_else(|e| panic!("{REQUIRE}: {e}"));
        assert!(here.contains(&isa), "{REQUIRE} asks for {isa}, which this machine lacks");
    }
    here
}

/// The tiers whose results have the same bits: those with fused multiply-add.
pub fn fused() -> Vec<Isa> {
    all().into_iter().filter(|&isa| isa != Isa::Portable).collect()
}

/// The tiers of this architecture.
fn family() -> &'static [Isa] {
    if cfg!(target_arch = "x86_64") {
        &[Isa::Avx2, Isa::Avx512]
    } else if cfg!(target_arch = "aarch64") {
        &[Isa::Neon]
    } else {
        &[]
    }
}
