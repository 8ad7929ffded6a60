//! Where code lies in memory.

/// Has the function that this is inlined into begin on a cache line, in every program. Where its loops lie between two lines then follows from
/// the code alone; else from all that the linker puts before it, and one and the same micro-kernel came out up to 6 % slower after a change
/// somewhere else (Zen 4, 128×128×10 nt 93 and 87 GFLOP/s, 64³ 113.4 and 111.6).
///
/// An alignment inside of a function is one of its whole section, which it has to itself (on ELF). It is asked for only where a single byte would be
/// skipped: so as good as nothing is put in.
#[inline(always)]
pub(crate) fn begin_on_a_line_of_code() {
    // SAFETY: the assembler is told of an alignment; an instruction that does nothing may be the most that comes of it.
    unsafe {
        std::arch::asm!(".p2align 6,,1", options(nomem, nostack, preserves_flags));
    }
}
