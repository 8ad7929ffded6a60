//! Addresses that are to be computed where they are used.

/// The same address, of which the compiler no longer knows how it came about. It would otherwise keep one for each of many runs that
/// are read side by side, more than there are registers, and load them from the stack.
#[inline(always)]
pub(crate) fn opaque<T>(address: *const T) -> *const T {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut address = address;
        // SAFETY: a comment is no instruction, and leaves the register as it is. (That memory might be read is said for a lint's sake.)
        unsafe {
            std::arch::asm!("/* {0} */", inout(reg) address, options(pure, readonly, nostack, preserves_flags));
        }
        address
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::hint::black_box(address)
}
