//! Which of its kernels BLIS takes, where it cannot see for itself.
//!
//! BLIS takes those for AVX-512 on Intel's CPUs alone, and there only if the CPU's name in words says that it has two units for it. In a
//! virtual machine the name says nothing ("Intel Xeon Processor"), so it takes the kernels for AVX2, at half the CPU's width. Nor does a
//! BLIS that is older than Zen 5 know that one. A variable tells it.

use libloading::Library;
use std::ffi::{c_char, c_int};

/// What BLIS reads when it is first used.
const VARIABLE: &str = "BLIS_ARCH_TYPE";
/// The kernels for AVX-512: the first that there are. (AMD's own BLIS counts otherwise, knows its CPUs, and may have been built without these.)
const AVX512: (c_int, &str) = (0, "skx");

/// Asks for the kernels for AVX-512 where the CPU has that, unless the user has asked for some. To be called before anything that the library
/// computes.
///
/// On Zen 4, which takes two turns for vectors of 512 bits, the kernels that BLIS takes there (Zen 3's) reach the same peak: they stay.
pub(super) fn widen(library: &Library) {
    let is_there = kernels_called(library, AVX512.0).is_some_and(|name| name == AVX512.1);
    if is_there && has_avx512() && !is_zen4() && std::env::var_os(VARIABLE).is_none() {
        // SAFETY: no other thread touches the environment: rayon's wait for work, and so do those of libraries that were loaded before.
        unsafe { std::env::set_var(VARIABLE, AVX512.0.to_string()) };
    }
}

/// The version, and the kernels that it has taken; none where this is not BLIS.
pub(super) fn description(library: &Library) -> Option<String> {
    let version = super::library::text(library, b"bli_info_get_version_str\0")?;
    // SAFETY: the function of this name takes nothing, and may be called more than once; what it may return is passed over.
    let init = unsafe { library.get::<unsafe extern "C" fn()>(b"bli_init\0") }.ok()?;
    // SAFETY: the function of this name takes nothing and returns one of an `enum`.
    let taken = unsafe { library.get::<unsafe extern "C" fn() -> c_int>(b"bli_arch_query_id\0") }.ok()?;
    // SAFETY: as it was got.
    unsafe { init() };
    // SAFETY: likewise.
    let taken = unsafe { taken() };
    Some(format!("BLIS {version}, kernels {}", kernels_called(library, taken)?))
}

/// The name of kernels by their number, which is one that the library counts to.
fn kernels_called(library: &Library, number: c_int) -> Option<String> {
    // SAFETY: the function of this name looks a number up in a table, and returns a string that stays.
    let name = unsafe { library.get::<unsafe extern "C" fn(c_int) -> *const c_char>(b"bli_arch_string\0") }.ok()?;
    // SAFETY: the number is in the table.
    let name = unsafe { name(number) };
    // SAFETY: as above.
    unsafe { super::library::read(name) }
}

/// All that those kernels need.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// AMD's family 25 with AVX-512, as Linux tells it.
fn is_zen4() -> bool {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let says = |entry: &str, value: &str| {
        let line = cpu.lines().find(|line| line.starts_with(entry));
        line.and_then(|line| line.split_once(':')).is_some_and(|(_, told)| told.trim() == value)
    };
    says("vendor_id", "AuthenticAMD") && says("cpu family", "25")
}
