//! Instruction sets: which one this CPU has, a token that proves it, and the vector operations the kernels are written in.
//!
//! Every kernel of this crate is written **once**, against [`Simd`], and instantiated for each instruction set.
//! A token ([`Portable`], `Avx2`, `Avx512`, `Neon`) is a zero-sized value that only detection can
//! build; holding one proves that the instructions exist, which is what makes its operations safe to call.
//!
//! ```text
//! dispatch(kernel)          the tier is known once a call …
//!   └─ token.enter(kernel)  … one function with #[target_feature], into which everything below is inlined
//!        └─ kernel.run(token)  generic code, #[inline(always)]
//! ```

pub(crate) mod bits;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod bytes;
#[cfg(target_arch = "x86_64")]
mod code_line;
#[cfg(target_arch = "x86_64")]
mod first_lanes;
mod opaque;
mod pick;
mod portable;
mod prefetch;
mod side_by_side;
mod slice;
mod tier;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(test)]
pub(crate) mod walked;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub(crate) use opaque::opaque;
pub use pick::{Picked, Sixteen};
pub use portable::Portable;
pub(crate) use prefetch::{prefetch, prefetch_to_l2};
pub(crate) use side_by_side::SideBySide;
pub(crate) use slice::{change_each, load, load_bytes, load_n, store, store_n};
pub use tier::{Isa, IsaError};

/// Vectors of `T`, and the operations that treat all of their lanes alike. Same inputs, same bits, on every implementation with fused
/// multiply-add.
///
/// All operations are IEEE 754: one rounding each, nearest-even, subnormals kept; but two in [`mul_add`](Self::mul_add) on a portable tier
/// without fused multiply-add.
pub trait Lanes<T>: sealed::Sealed + Copy + Send + Sync + 'static {
    /// A vector of [`LANES`](Self::LANES) elements.
    type V: Copy;
    /// One truth value a lane.
    type M: Copy;
    /// Elements in a vector.
    const LANES: usize;

    /// All lanes `x`.
    fn splat(self, x: T) -> Self::V;
    /// Lanes from memory, any alignment.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` elements.
    unsafe fn load(self, p: *const T) -> Self::V;
    /// Lanes to memory, any alignment.
    ///
    /// # Safety
    /// `p` must be valid for writes of `LANES` elements.
    unsafe fn store(self, p: *mut T, v: Self::V);

    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`, a true divide
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c` in one rounding, where the tier fuses
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `√a`, correctly rounded
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `−a`
    fn neg(self, a: Self::V) -> Self::V;
    /// `|a|`
    fn abs(self, a: Self::V) -> Self::V;
    /// `|a|` with the sign of `s`
    fn copy_sign(self, a: Self::V, s: Self::V) -> Self::V;
    /// `a < b ? a : b`: the second operand where either is NaN or both are zero
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`: the second operand where either is NaN or both are zero
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a < b`, false for NaN
    fn lt(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a ≤ b`, false for NaN
    fn le(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a = b`, false for NaN
    fn eq(self, a: Self::V, b: Self::V) -> Self::M;
    /// `m ? a : b`, lane by lane
    fn select(self, m: Self::M, a: Self::V, b: Self::V) -> Self::V;
    /// `2^n` from `2^M + bias + n` (`M` mantissa bits), which has it in its low bits; `n` is a normal exponent
    fn pow2_of_shifted(self, a: Self::V) -> Self::V;
    /// `a · 2^e` in one rounding, also where the result is subnormal or zero: for `½ ≤ |a| ≤ 2` (or NaN) and integral
    /// `e` from twice the least exponent (−200 in `f32`, −2000 in `f64`) to the greatest normal one
    fn scale(self, a: Self::V, e: Self::V) -> Self::V;
    /// `(e, m)` with `a = m · 2^e`, `√½ ≤ m < √2`, for positive normal `a`
    fn split_exponent(self, a: Self::V) -> (Self::V, Self::V);
    /// An element of `table` for each lane of `y`, in `f32` alone: another one in each quarter of every power of two, the same ones after four powers
    /// (`[½, ⅝)` has element 8, `[1, 1¼)` element 12). Lanes that are zero, subnormal, negative, infinite or NaN have some element, too.
    #[inline(always)]
    fn pick(self, _table: &'static Sixteen, _y: Self::V) -> Self::V
    where
        T: Picked,
    {
        unreachable!("vectors of `f32` have their own, and no others are picked for")
    }
}

/// One instruction set's vectors of `T`: besides [`Lanes`] what crosses lanes, and parts of a vector.
///
/// The kernels rely on more than can be said here (lanes that divide a cache line, say), so the tokens of this module are the only
/// implementations.
pub trait Simd<T>: Lanes<T> {
    /// The tier that the token proves.
    const ISA: Isa;
    /// Vector registers that the instruction set has; a micro-kernel's tile must fit in them.
    const REGISTERS: usize;
    /// The rows of LANES × LANES elements, a vector each.
    type Square: Copy + AsRef<[Self::V]> + AsMut<[Self::V]>;

    /// The token, without asking the CPU.
    ///
    /// # Safety
    /// Only on a CPU that has this instruction set.
    unsafe fn assume() -> Self;

    /// Runs `kernel` inside a function compiled for this instruction set, so that all of it is inlined there.
    fn enter<K: Kernel<T>>(self, kernel: K) -> K::Output;

    /// The first `n` lanes from memory (`n ≤ LANES`), the others zero; nothing else is touched.
    ///
    /// # Safety
    /// `n` must be at most `LANES`, and `p` valid for reads of `n` elements.
    unsafe fn load_partial(self, p: *const T, n: usize) -> Self::V;
    /// One lane a byte: the byte's number, exactly.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` bytes.
    unsafe fn load_bytes(self, p: *const u8) -> Self::V;
    /// The first `n` lanes to memory (`n ≤ LANES`); nothing else is touched.
    ///
    /// # Safety
    /// `n` must be at most `LANES`, and `p` valid for writes of `n` elements.
    unsafe fn store_partial(self, p: *mut T, n: usize, v: Self::V);

    /// The transpose of LANES × LANES elements: lane i of vector j is `from[i·from_row + j]`.
    ///
    /// # Safety
    /// The block must be valid for reads.
    unsafe fn load_transposed(self, from: *const T, from_row: usize) -> Self::Square;

    /// Transposes `width ≤ LANES` runs of `depth ≤ 4` elements to as many rows of LANES: `to[j·to_row + i] = from[i·from_row + j]`, zero
    /// where there is no run.
    ///
    /// # Safety
    /// The runs must be valid for reads, the rows for writes, and they must not overlap.
    #[inline(always)]
    unsafe fn transpose_runs(
        self,
        from: *const T,
        from_row: usize,
        (width, depth): (usize, usize),
        to: *mut T,
        to_row: usize,
    ) where
        T: Copy + Default,
    {
        for j in 0..depth {
            for i in 0..Self::LANES {
                // SAFETY: run i has an element j (caller).
                let x = if i < width { unsafe { *from.wrapping_add(i * from_row + j) } } else { T::default() };
                // SAFETY: (j, i) is inside the result (caller).
                unsafe { *to.wrapping_add(j * to_row + i) = x };
            }
        }
    }

    /// The way back: transposes `width ≤ 4` rows of `depth ≤ LANES` elements to as many runs: `to[j·to_row + i] = from[i·from_row + j]`;
    /// nothing else is touched.
    ///
    /// # Safety
    /// The rows must be valid for reads, the runs for writes, and they must not overlap.
    #[inline(always)]
    unsafe fn transpose_few(
        self,
        from: *const T,
        from_row: usize,
        (width, depth): (usize, usize),
        to: *mut T,
        to_row: usize,
    ) where
        T: Copy,
    {
        for i in 0..width {
            for j in 0..depth {
                // SAFETY: row i has an element j (caller).
                let x = unsafe { *from.wrapping_add(i * from_row + j) };
                // SAFETY: run j has an element i (caller).
                unsafe { *to.wrapping_add(j * to_row + i) = x };
            }
        }
    }
}

/// Keeps [`Simd`] to this module's tokens, and [`Lanes`] to them and to [`SideBySide`].
mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Portable {}
    #[cfg(target_arch = "x86_64")]
    impl Sealed for super::Avx2 {}
    #[cfg(target_arch = "x86_64")]
    impl Sealed for super::Avx512 {}
    #[cfg(target_arch = "aarch64")]
    impl Sealed for super::Neon {}
}

/// A piece of work written against [`Simd`]; `run` must be `#[inline(always)]`.
pub trait Kernel<T> {
    /// What it gives back.
    type Output;
    /// The work, on one instruction set.
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output;
}

/// Runs `kernel` on tier `isa`, or on the next lower one that this machine has.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn dispatch<T, K: Kernel<T>>(isa: Isa, kernel: K) -> K::Output
where
    Portable: Simd<T>,
    Avx2: Simd<T>,
    Avx512: Simd<T>,
{
    match Taken::of(isa, Avx512::new, Avx2::new) {
        Taken::Avx512(token) => token.enter(kernel),
        Taken::Avx2(token) => token.enter(kernel),
        Taken::Portable => Portable::new().enter(kernel),
    }
}

/// The tier of x86-64 that is entered where one is asked for, with the token that proves it.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, PartialEq)]
enum Taken<Wide, Half> {
    Avx512(Wide),
    Avx2(Half),
    Portable,
}

#[cfg(target_arch = "x86_64")]
impl<Wide, Half> Taken<Wide, Half> {
    /// From what is asked for and what is there; nothing is looked for above what is asked for.
    #[inline(always)]
    fn of(isa: Isa, avx512: impl FnOnce() -> Option<Wide>, avx2: impl FnOnce() -> Option<Half>) -> Self {
        if isa == Isa::Avx512
            && let Some(token) = avx512()
        {
            return Self::Avx512(token);
        }
        if matches!(isa, Isa::Avx512 | Isa::Avx2)
            && let Some(token) = avx2()
        {
            return Self::Avx2(token);
        }
        Self::Portable
    }
}

/// Runs `kernel` on tier `isa`, or on the next lower one that this machine has.
#[cfg(target_arch = "aarch64")]
#[inline]
pub fn dispatch<T, K: Kernel<T>>(isa: Isa, kernel: K) -> K::Output
where
    Portable: Simd<T>,
    Neon: Simd<T>,
{
    if isa == Isa::Neon
        && let Some(token) = Neon::new()
    {
        return token.enter(kernel);
    }
    Portable::new().enter(kernel)
}

/// Runs `kernel` on the portable tier, the only one here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
pub fn dispatch<T, K: Kernel<T>>(_: Isa, kernel: K) -> K::Output
where
    Portable: Simd<T>,
{
    Portable::new().enter(kernel)
}

#[cfg(test)]
mod tests;
