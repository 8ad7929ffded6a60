//! From activations on registers to activations on slices: the loops over vectors, and their tails.

use super::ActivationFn;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use std::marker::PhantomData;

/// `to[i] = change(from[i], to[i])` vector by vector; the two may be the same memory.
struct Sweep<'a, T, C> {
    change: C,
    from: *const T,
    to: *mut T,
    len: usize,
    memory: PhantomData<&'a mut [T]>,
}

/// What happens to one vector.
trait Change<T> {
    fn change<S: Simd<T>>(&self, simd: S, from: S::V, to: impl FnOnce() -> S::V) -> S::V;
}

/// `g(z)`
struct Value<F>(F);

impl<T, F: ActivationFn<T>> Change<T> for Value<F> {
    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, z: S::V, _: impl FnOnce() -> S::V) -> S::V {
        self.0.value(simd, z)
    }
}

/// `dz · g′(kept)`
struct TimesDerivative<F>(F);

impl<T, F: ActivationFn<T>> Change<T> for TimesDerivative<F> {
    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, kept: S::V, dz: impl FnOnce() -> S::V) -> S::V {
        simd.mul(dz(), self.0.derivative(simd, kept))
    }
}

/// `a = g(z)`
pub(super) fn values<T: Element, F: ActivationFn<T>>(isa: Isa, f: F, z: &[T], a: &mut [T]) {
    assert_eq!(z.len(), a.len(), "one output for each z");
    let (from, to, len) = (z.as_ptr(), a.as_mut_ptr(), a.len());
    T::dispatch(isa, Sweep { change: Value(f), from, to, len, memory: PhantomData });
}

/// `z = g(z)`
pub(super) fn values_in_place<T: Element, F: ActivationFn<T>>(isa: Isa, f: F, z: &mut [T]) {
    let (to, len) = (z.as_mut_ptr(), z.len());
    T::dispatch(isa, Sweep { change: Value(f), from: to, to, len, memory: PhantomData });
}

/// `dz = dz · g′(kept)`
pub(super) fn derivatives<T: Element, F: ActivationFn<T>>(isa: Isa, f: F, kept: &[T], dz: &mut [T]) {
    assert_eq!(kept.len(), dz.len(), "one dz for each kept number");
    let (from, to, len) = (kept.as_ptr(), dz.as_mut_ptr(), dz.len());
    T::dispatch(isa, Sweep { change: TimesDerivative(f), from, to, len, memory: PhantomData });
}

impl<T: Element, C: Change<T>> Kernel<T> for Sweep<'_, T, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let mut at = 0;
        while at + S::LANES <= self.len {
            let (from, to) = (self.from.wrapping_add(at), self.to.wrapping_add(at));
            // SAFETY: the slices are `len` long and a whole vector is left.
            let x = unsafe { simd.load(from) };
            // SAFETY: as above.
            let y = self.change.change(simd, x, || unsafe { simd.load(to) });
            // SAFETY: as above.
            unsafe { simd.store(to, y) };
            at += S::LANES;
        }
        let n = self.len - at;
        if n > 0 {
            let (from, to) = (self.from.wrapping_add(at), self.to.wrapping_add(at));
            // SAFETY: the slices are `len` long and `n` elements are left.
            let x = unsafe { simd.load_partial(from, n) };
            // SAFETY: as above.
            let y = self.change.change(simd, x, || unsafe { simd.load_partial(to, n) });
            // SAFETY: as above.
            unsafe { simd.store_partial(to, n, y) };
        }
    }
}
