//! Cache sizes, as the operating system tells them, or `DELTARULE_CACHES`.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Bytes of the caches that one core can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level, data.
    pub l1d: usize,
    /// Second level.
    pub l2: usize,
    /// Third level, usually shared; 0 where there is none, or sysfs tells of none.
    pub l3: usize,
}

impl Caches {
    /// What nearly every core of the last ten years has at least; used where the machine does not tell. The documentation of [`caches`] names it.
    const FALLBACK: Self = Self { l1d: 32 << 10, l2: 256 << 10, l3: 2 << 20 };

    /// Overrides what the machine tells.
    const VARIABLE: &'static str = "DELTARULE_CACHES";

    /// Three sizes, `32K,256K,2M`, in either case, with blanks or without.
    fn from_text(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let mut sizes = text.split(',').map(str::trim).map(|size| if size == "0" { Some(0) } else { bytes(size) });
        let caches = Self { l1d: sizes.next()??, l2: sizes.next()??, l3: sizes.next()?? };
        sizes.next().is_none().then_some(caches)
    }

    /// Sizes that a product can be cut by: the first level is that of a CPU and within the second, a few times which is still a number.
    fn are_plausible(&self) -> bool {
        self.l1d >= 4 << 10 && self.l2 >= self.l1d && self.l2 <= usize::MAX >> 4
    }
}

/// The caches of this machine, read once: from sysfs on Linux. Elsewhere, and where that does not tell of L1 and L2, sizes are assumed that
/// nearly every core has at least: 32 KiB of L1, 256 KiB of L2 and 2 MiB of L3. They decide how products are cut, so how fast they are, and no bit
/// of a result.
///
/// The variable `DELTARULE_CACHES`, three sizes as in `48K,2M,32M` (with a last one of 0 where there is no third level), takes their place: for
/// containers that hide the caches, and to cut products here as another machine would. Sizes that it does not give so, or that no machine has (a first
/// level under 4 KiB, or larger than the second), are passed over.
#[inline]
pub fn caches() -> Caches {
    static CACHES: OnceLock<Caches> = OnceLock::new();
    *CACHES.get_or_init(|| {
        let asked = env::var(Caches::VARIABLE).ok().and_then(|text| Caches::from_text(&text));
        let told = || read(Path::new("/sys/devices/system/cpu/cpu0/cache")).filter(Caches::are_plausible);
        asked.filter(Caches::are_plausible).or_else(told).unwrap_or(Caches::FALLBACK)
    })
}

/// The sizes under a folder that looks like sysfs's; `None` where the first two levels are not both there.
fn read(folder: &Path) -> Option<Caches> {
    let mut sizes = [None; 4];
    for index in 0..8 {
        let entry = folder.join(format!("index{index}"));
        let text = |name: &str| fs::read_to_string(entry.join(name)).ok().map(|text| text.trim().to_owned());
        let (Some(level), Some(kind), Some(size)) = (text("level"), text("type"), text("size")) else { continue };
        if let (Ok(level @ 1..=3), true) = (level.parse::<usize>(), kind != "Instruction") {
            sizes[level] = bytes(&size);
        }
    }
    Some(Caches { l1d: sizes[1]?, l2: sizes[2]?, l3: sizes[3].unwrap_or(0) })
}

/// `48K`, `1024K` or `32M` in bytes.
fn bytes(size: &str) -> Option<usize> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(bytes("48K"), Some(48 << 10));
        assert_eq!(bytes("32M"), Some(32 << 20));
        assert_eq!(bytes("512"), Some(512));
        for nonsense in ["", "K", "0K", "12T", "x", "99999999999999999999K"] {
            assert_eq!(bytes(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn three_sizes_take_their_place() {
        assert_eq!(Caches::from_text("32K,256K,2M"), Some(Caches::FALLBACK));
        assert_eq!(Caches::from_text(" 32k, 256k, 2m "), Some(Caches::FALLBACK));
        assert_eq!(Caches::from_text("16K,64K,0"), Some(Caches { l1d: 16 << 10, l2: 64 << 10, l3: 0 }));
        for nonsense in ["", "32K", "32K,256K", "32K,256K,2M,", "32K,256K,2M,8M", "a,b,c", "32 K,256K,2M"] {
            assert_eq!(Caches::from_text(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn sizes_of_no_machine_are_passed_over() {
        assert!(Caches::FALLBACK.are_plausible());
        for (l1d, l2, l3) in [(0, 0, 0), (1 << 10, 1 << 20, 0), (64 << 10, 32 << 10, 0), (32 << 10, usize::MAX, 0)] {
            assert!(!Caches { l1d, l2, l3 }.are_plausible(), "{l1d}, {l2}, {l3}");
        }
    }

    /// Where tests are to run with other sizes, they do.
    #[test]
    fn what_the_environment_says_is_what_is_used() {
        if let Ok(text) = env::var(Caches::VARIABLE) {
            assert_eq!(Caches::from_text(&text), Some(caches()), "{text}");
        }
    }

    #[test]
    fn there_are_always_two_levels() {
        let Caches { l1d, l2, .. } = caches();
        assert!(l1d >= 4 << 10 && l2 >= l1d, "L1 {l1d}, L2 {l2}");
        assert_eq!(read(Path::new("no such folder")), None);
    }
}
