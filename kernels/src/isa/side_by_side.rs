//! Several vectors taken through a function side by side, one operation after the other.
//!
//! ```text
//! vector by vector     f₁(x) f₂ f₃ … f₃₀ │ f₁(y) f₂ f₃ … f₃₀      each operation waits for the one before it
//! side by side         f₁(x) f₁(y) f₂(x) f₂(y) … f₃₀(x) f₃₀(y)    as many again can start meanwhile
//! ```
//! A CPU looks some hundred operations ahead for one that need not wait, which is three or four vectors of a long function.

use super::{Lanes, Picked, Sixteen, sealed};

/// `N` vectors as one.
#[derive(Clone, Copy)]
pub(crate) struct SideBySide<S, const N: usize>(pub(crate) S);

impl<S, const N: usize> sealed::Sealed for SideBySide<S, N> {}

/// What an expression gives for `$i` from 0 to `N` − 1. A loop, as closures would not be sure to be inlined.
macro_rules! each {
    ($i:ident => $value:expr) => {{
        let $i = 0;
        let mut all = [$value; N];
        for $i in 1..N {
            all[$i] = $value;
        }
        all
    }};
}

/// Operations on vectors that give a vector or a mask: those of the one tier, for each.
macro_rules! operations {
    ($($name:ident($($x:ident),*) -> $to:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::V),*) -> Self::$to {
            each!(i => self.0.$name($($x[i]),*))
        }
    )*};
}

impl<T: Copy, S: Lanes<T>, const N: usize> Lanes<T> for SideBySide<S, N> {
    type V = [S::V; N];
    type M = [S::M; N];
    const LANES: usize = N * S::LANES;

    #[inline(always)]
    fn splat(self, x: T) -> Self::V {
        [self.0.splat(x); N]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const T) -> Self::V {
        // SAFETY: the caller vouches for all lanes of all vectors.
        each!(i => unsafe { self.0.load(p.wrapping_add(i * S::LANES)) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T, v: Self::V) {
        for (i, &v) in v.iter().enumerate() {
            // SAFETY: the caller vouches for all lanes of all vectors.
            unsafe { self.0.store(p.wrapping_add(i * S::LANES), v) };
        }
    }

    operations! {
        add(a, b) -> V;
        sub(a, b) -> V;
        mul(a, b) -> V;
        div(a, b) -> V;
        mul_add(a, b, c) -> V;
        sqrt(a) -> V;
        neg(a) -> V;
        abs(a) -> V;
        copy_sign(a, s) -> V;
        min(a, b) -> V;
        max(a, b) -> V;
        lt(a, b) -> M;
        le(a, b) -> M;
        eq(a, b) -> M;
        pow2_of_shifted(a) -> V;
        scale(a, e) -> V;
    }

    #[inline(always)]
    fn select(self, m: Self::M, a: Self::V, b: Self::V) -> Self::V {
        each!(i => self.0.select(m[i], a[i], b[i]))
    }
    #[inline(always)]
    fn split_exponent(self, a: Self::V) -> (Self::V, Self::V) {
        let pairs = each!(i => self.0.split_exponent(a[i]));
        (each!(i => pairs[i].0), each!(i => pairs[i].1))
    }
    #[inline(always)]
    fn pick(self, table: &'static Sixteen, y: Self::V) -> Self::V
    where
        T: Picked,
    {
        each!(i => self.0.pick(table, y[i]))
    }
}
