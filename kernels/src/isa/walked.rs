//! Which tiers the tests walk, and a word on those that this machine lacks. The tests that cross crates include this file as well: it keeps to
//! what is public.

use super::Isa;
use std::io::Write;

/// Names tiers, separated by commas, that must be there: a machine that lost one then fails instead of testing less.
const REQUIRE: &str = "DELTARULE_REQUIRE_ISA";

/// The tiers of this machine that are `wanted`. The others of its architecture that are, are printed as skipped.
///
/// # Panics
/// A tier that `DELTARULE_REQUIRE_ISA` names is absent, or no tier has that name.
pub(crate) fn walked(wanted: impl Fn(Isa) -> bool) -> Vec<Isa> {
    let mut here = Isa::available();
    if let Some(why) = refusal(&std::env::var(REQUIRE).unwrap_or_default(), &here) {
        panic!("{REQUIRE}: {why}");
    }
    for isa in family().iter().filter(|&isa| wanted(*isa) && !here.contains(isa)) {
        skipped(&format!("this machine has no {isa}"));
    }
    here.retain(|&isa| wanted(isa));
    if here.is_empty() {
        skipped("no tier of this machine is of the kind that is tested");
    }
    here
}

/// The tiers whose results have the same bits on any build: all but the portable one.
pub(crate) fn fused() -> Vec<Isa> {
    walked(|isa| isa != Isa::Portable)
}

/// Says what a test skips, and which one (threads of the harness bear its name). On the handle itself: what `eprintln!` prints is kept from
/// sight unless the test fails.
pub(crate) fn skipped(what: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // A test need not fail because nobody listens.
    let _ = writeln!(std::io::stderr(), "skipped: {what} ({test})");
}

/// Why the tiers that are `here` are not what is `required`, if they are not.
fn refusal(required: &str, here: &[Isa]) -> Option<String> {
    required.split(',').map(str::trim).filter(|name| !name.is_empty()).find_map(|name| match name.parse::<Isa>() {
        Ok(isa) if here.contains(&isa) => None,
        Ok(isa) => Some(format!("this machine has no {isa}")),
        Err(error) => Some(error.to_string()),
    })
}

/// The tiers of this architecture, but for the portable one.
fn family() -> &'static [Isa] {
    if cfg!(target_arch = "x86_64") {
        &[Isa::Avx2, Isa::Avx512]
    } else if cfg!(target_arch = "aarch64") {
        &[Isa::Neon]
    } else {
        &[]
    }
}

#[test]
fn a_tier_that_is_required_must_be_there() {
    let here = [Isa::Portable, Isa::Avx2];
    for met in ["", " ", "avx2", "portable, AVX2,", ","] {
        assert_eq!(refusal(met, &here), None, "`{met}`");
    }
    assert_eq!(refusal("avx2,avx512", &here).as_deref(), Some("this machine has no avx512"));
    assert!(refusal("mmx", &here).is_some_and(|why| why.contains("`mmx`")));
    assert_eq!(walked(|_| true), Isa::available());
}
