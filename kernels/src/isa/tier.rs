//! Which tier to run on: what the CPU has, lowered by `DELTARULE_ISA`.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// An instruction set that the kernels are compiled for, from the slowest tier to the fastest. More may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// What the build's baseline offers.
    Portable,
    /// 64-bit Arm.
    Neon,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ, VL.
    Avx512,
}

/// Why `DELTARULE_ISA` (or a tier's name) was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsaError {
    /// No tier has this name.
    Unknown(String),
    /// The tier exists, but not on this machine.
    Unavailable(Isa),
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "no instruction set is called `{name}`: use portable, neon, avx2 or avx512")
            }
            Self::Unavailable(isa) => {
                write!(f, "this machine has no {isa}: use ")?;
                for (i, isa) in Isa::available().into_iter().enumerate() {
                    write!(f, "{}{isa}", if i == 0 { "" } else { " or " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for IsaError {}

impl Isa {
    const ALL: [Self; Self::COUNT] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];
    /// How many there are.
    pub(crate) const COUNT: usize = 4;

    /// The environment variable that lowers the tier.
    pub const VARIABLE: &'static str = "DELTARULE_ISA";

    /// The tier in use: the fastest that this machine has, or the lower one that `DELTARULE_ISA` names.
    ///
    /// The kernels ask here, and do not print or fail: a name that cannot be followed (`avx-2`) is ignored, and the fastest tier runs.
    /// [`Isa::requested`] reports it: a program that lets its users set the variable calls that once, when it starts. The environment is read
    /// once.
    #[inline]
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::requested().unwrap_or_else(|_| Self::detected()))
    }

    /// What `DELTARULE_ISA` asks for; the detected tier where it is not set (or empty).
    ///
    /// ```
    /// # use deltarule_kernels::Isa;
    /// if let Err(error) = Isa::requested() {
    ///     eprintln!("{}: {error}", Isa::VARIABLE);
    /// }
    /// ```
    ///
    /// # Errors
    /// A name that no tier has, or a tier that this machine lacks. [`Isa::current`] is the detected tier then.
    pub fn requested() -> Result<Self, IsaError> {
        static REQUESTED: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
        REQUESTED
            .get_or_init(|| {
                let name = std::env::var_os(Self::VARIABLE);
                let name = name.as_ref().map(|name| name.to_string_lossy());
                Self::choose(name.as_deref())
            })
            .clone()
    }

    /// The tier whose vectors are half as wide, where there are CPUs on which those pay for few columns.
    pub(crate) const fn half(self) -> Option<Self> {
        if matches!(self, Self::Avx512) { Some(Self::Avx2) } else { None }
    }

    /// Whether a multiply-add rounds once: then results have the bits of all other tiers that do.
    pub(crate) const fn fuses(self) -> bool {
        !matches!(self, Self::Portable) || super::Portable::FUSED
    }

    fn choose(name: Option<&str>) -> Result<Self, IsaError> {
        match name.map(str::trim) {
            None | Some("") => Ok(Self::detected()),
            Some(name) => {
                let isa = Self::from_str(name)?;
                let here = isa.is_available();
                here.then_some(isa).ok_or(IsaError::Unavailable(isa))
            }
        }
    }

    /// The fastest tier that this machine has.
    pub fn detected() -> Self {
        Self::ALL.into_iter().rfind(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Every tier that this machine can run, slowest first.
    pub fn available() -> Vec<Self> {
        let mut tiers = Self::ALL.to_vec();
        tiers.retain(|isa| isa.is_available());
        tiers
    }

    /// Whether this machine can run the tier.
    #[inline]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => super::Neon::new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::Avx2::new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::Avx512::new().is_some(),
            #[allow(unreachable_patterns, reason = "the tiers of another architecture")]
            _ => false,
        }
    }

    /// The name that `DELTARULE_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Isa {
    type Err = IsaError;

    /// By name, in any case.
    fn from_str(name: &str) -> Result<Self, IsaError> {
        Self::ALL
            .into_iter()
            .find(|isa| isa.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| IsaError::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
            assert_eq!(isa.to_string().to_uppercase().parse(), Ok(isa));
        }
    }

    #[test]
    fn the_detected_tier_is_the_fastest_available() {
        let available = Isa::available();
        assert_eq!(available.first(), Some(&Isa::Portable));
        assert_eq!(available.last(), Some(&Isa::detected()));
        assert!(available.is_sorted());
    }

    #[test]
    fn a_request_is_followed_or_reported() {
        assert_eq!(Isa::choose(None), Ok(Isa::detected()));
        assert_eq!(Isa::choose(Some(" ")), Ok(Isa::detected()));
        for isa in Isa::ALL {
            let chosen = Isa::choose(Some(isa.name()));
            let expected = match isa.is_available() {
                true => Ok(isa),
                false => Err(IsaError::Unavailable(isa)),
            };
            assert_eq!(chosen, expected);
        }
        let error = Isa::choose(Some("mmx")).unwrap_err();
        assert_eq!(error, IsaError::Unknown("mmx".into()));
        assert!(error.to_string().contains("`mmx`"));
    }

    #[test]
    fn an_absent_tier_is_refused_with_what_there_is() {
        let absent = if cfg!(target_arch = "aarch64") { Isa::Avx2 } else { Isa::Neon };
        let message = Isa::choose(Some(absent.name())).unwrap_err().to_string();
        assert!(message.contains(absent.name()) && message.contains("portable"), "{message}");
    }
}
