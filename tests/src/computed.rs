//! Which threads have computed, for tests of work that is shared: a processor notes that a result was rounded, and each thread has notes of its
//! own.

/// Whether this thread has rounded a number since it was asked last; where the processor does not tell, yes.
pub fn has_computed() -> bool {
    take_note().unwrap_or(true)
}

/// The note, which is taken away.
#[cfg(target_arch = "x86_64")]
fn take_note() -> Option<bool> {
    /// What any of six exceptions leaves, among the bits that say how to round and what to trap.
    const NOTES: u32 = 0b11_1111;
    const ROUNDED: u32 = 0b10_0000;
    let mut status = 0_u32;
    // SAFETY: it writes these four bytes.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut status, options(nostack, preserves_flags)) };
    let cleared = status & !NOTES;
    // SAFETY: it reads these four bytes. The notes alone change, which the compiler knows to be anybody's (no `preserves_flags`).
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const cleared, options(nostack, readonly)) };
    Some(status & ROUNDED != 0)
}

/// The note, which is taken away.
#[cfg(target_arch = "aarch64")]
fn take_note() -> Option<bool> {
    /// What any of six exceptions leaves.
    const NOTES: u64 = 0b1001_1111;
    const ROUNDED: u64 = 0b1_0000;
    let status: u64;
    // SAFETY: it only reads a register.
    unsafe { std::arch::asm!("mrs {}, fpsr", out(reg) status, options(nomem, nostack, preserves_flags)) };
    let cleared = status & !NOTES;
    // SAFETY: the notes alone change, which the compiler knows to be anybody's (no `preserves_flags`).
    unsafe { std::arch::asm!("msr fpsr, {}", in(reg) cleared, options(nomem, nostack)) };
    Some(status & ROUNDED != 0)
}

/// Nobody knows.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn take_note() -> Option<bool> {
    None
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::has_computed;
    use std::hint::black_box;

    #[test]
    fn a_thread_that_rounds_is_told_from_one_that_does_not() {
        let third = || black_box(black_box(1.0_f64) / black_box(3.0));
        has_computed();
        std::thread::scope(|scope| {
            scope.spawn(third);
        });
        assert!(!has_computed(), "another thread has");
        assert_eq!(black_box(black_box(1.0_f64) / black_box(4.0)), 0.25);
        assert!(!has_computed(), "nothing was rounded");
        third();
        assert!(has_computed());
        assert!(!has_computed(), "the note is taken away");
    }
}
