//! What no feature bit tells of a CPU, but its maker and family: how it executes wide vectors. Decides what is faster, never a result.

use std::sync::OnceLock;

/// Who made it, and which family of theirs it is.
#[derive(Clone, Copy)]
struct Cpu {
    maker: [u8; 12],
    family: u32,
}

/// Whether an instruction on 512 bits takes two turns through data paths of 256: AMD's Zen 4 (family 19h), the first of theirs with
/// AVX-512 (AMD, Software Optimization Guide for the Zen4 Microarchitecture, 57647).
pub(crate) fn executes_in_halves() -> bool {
    Cpu::here().is_some_and(|cpu| &cpu.maker == b"AuthenticAMD" && cpu.family == 0x19)
}

/// Whether multiplications lose turns to vectors that cross a cache line and come from L2: Intel's (Emerald Rapids, rows of B 16 bytes
/// off the lines, a seventh of the time; off and in L1, nothing. On Zen 5 such products are within 2 % of packed ones.)
pub(crate) fn waits_for_split_lines() -> bool {
    Cpu::here().is_some_and(|cpu| &cpu.maker == b"GenuineIntel")
}

impl Cpu {
    /// The one that this runs on, where it has a name.
    fn here() -> Option<Self> {
        static HERE: OnceLock<Option<Cpu>> = OnceLock::new();
        *HERE.get_or_init(Self::ask)
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(unused_unsafe, reason = "`__cpuid` is a safe function in later versions of Rust")]
    fn ask() -> Option<Self> {
        use std::arch::x86_64::__cpuid;
        // SAFETY: every x86-64 has the instruction.
        let vendor = unsafe { __cpuid(0) };
        // SAFETY: as above.
        let version = unsafe { __cpuid(1) };
        let mut maker = [0; 12];
        for (four, word) in maker.chunks_exact_mut(4).zip([vendor.ebx, vendor.edx, vendor.ecx]) {
            four.copy_from_slice(&word.to_le_bytes());
        }
        Some(Self { maker, family: (version.eax >> 8 & 0xf) + (version.eax >> 20 & 0xff) })
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn ask() -> Option<Self> {
        None
    }
}
