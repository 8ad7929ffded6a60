//! What no feature bit tells of a CPU, but its maker and family: how it executes wide vectors. Decides what is faster, never a result.

use std::sync::OnceLock;

/// Who made it, and which family of theirs it is.
#[derive(Clone, Copy)]
struct Cpu {
    maker: [u8; 12],
    family: u32,
}

/// What of a CPU decides between micro-kernels of the same tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// An instruction on 512 bits takes two passes through data paths of 256: AMD's Zen 4 (family 19h), the first of theirs with AVX-512
    /// (AMD, Software Optimization Guide for the Zen4 Microarchitecture, 57647).
    pub(crate) executes_in_halves: bool,
    /// More vectors of 256 bits than of 512 are loaded in a cycle: Intel's, three and two from Golden Cove on (Intel 64 and IA-32
    /// Architectures Optimization Reference Manual, 248966). Earlier ones load two of each and were not measured.
    pub(crate) loads_more_halves: bool,
    /// Multiplications lose issue slots to vectors that cross a cache line: Intel's (Emerald Rapids, rows of B 16 bytes off the lines and in
    /// L2, a seventh of the time. On Zen 5 such products are within 2 % of packed ones).
    pub(crate) waits_for_split_lines: bool,
    /// Lines that come from L2 are waited for unless they are asked for ahead, wherever they lie: Intel's (Emerald Rapids, packed strips that
    /// L1 does not keep, 1 to 3 % of the time and up to 7).
    pub(crate) waits_for_l2: bool,
    /// Vectors of 512 bits are shuffled by one of the two units that multiply them: Intel's (port 5 in the manual above).
    pub(crate) shuffles_on_multipliers: bool,
    /// L3 belongs to a few cores, near enough that a B in it may be read at any depth: AMD's since Zen (measured on Zen 4 alone: 16×1024×1024
    /// at its whole depth 112 GFLOP/s, 128 rows at a time 100; on Emerald Rapids the latter gains a third), and that several strips of it are
    /// read again for every few rows of a large A.
    pub(crate) has_near_l3: bool,
    /// Lines that follow each other within a page are fetched ahead by the hardware, and do not take the buffers that hints wait in: Intel's L2
    /// streamer (the manual above; measured on Emerald Rapids, see [`gather`](mod@crate::gather)).
    pub(crate) fetches_runs: bool,
}

impl Habits {
    /// Those of the CPU that this runs on, looked up once: a virtual machine takes microseconds for it.
    pub(crate) fn here() -> Self {
        static HERE: OnceLock<Habits> = OnceLock::new();
        *HERE.get_or_init(|| Cpu::here().map_or_else(Self::default, Self::of))
    }

    fn of(cpu: Cpu) -> Self {
        let is_intel = &cpu.maker == b"GenuineIntel";
        let is_amd = &cpu.maker == b"AuthenticAMD";
        Self {
            executes_in_halves: is_amd && cpu.family == 0x19,
            loads_more_halves: is_intel,
            waits_for_split_lines: is_intel,
            waits_for_l2: is_intel,
            shuffles_on_multipliers: is_intel,
            has_near_l3: is_amd && cpu.family >= 0x17,
            fetches_runs: is_intel,
        }
    }
}

impl Cpu {
    /// The one that this runs on, where it has a name.
    #[cfg(target_arch = "x86_64")]
    #[allow(unused_unsafe, reason = "`__cpuid` is a safe function in later versions of Rust")]
    fn here() -> Option<Self> {
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
    fn here() -> Option<Self> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_the_habits_of_its_maker_and_family() {
        let amd = Habits { has_near_l3: true, ..Habits::default() };
        let intel = Habits {
            loads_more_halves: true,
            waits_for_split_lines: true,
            waits_for_l2: true,
            shuffles_on_multipliers: true,
            fetches_runs: true,
            ..Habits::default()
        };
        for (maker, family, habits) in [
            (b"AuthenticAMD", 0x15, Habits::default()),
            (b"AuthenticAMD", 0x17, amd),
            (b"AuthenticAMD", 0x19, Habits { executes_in_halves: true, ..amd }),
            (b"AuthenticAMD", 0x1a, amd),
            (b"GenuineIntel", 6, intel),
            // Not AMD's, though it has a family of that number.
            (b"GenuineIntel", 0x19, intel),
            (b"CentaurHauls", 0x19, Habits::default()),
        ] {
            assert_eq!(
                Habits::of(Cpu { maker: *maker, family }),
                habits,
                "family {family:#x} of {}",
                maker.escape_ascii()
            );
        }
    }
}
