//! Softmax over rows, `p_j = e^(z_j − max z) / Σ e^(z_k − max z)`: no exponent is positive, so nothing overflows.
//!
//! The sum runs in the order of [`row`](crate::loss::row), so a row of a batch has the bits of the row alone.

use crate::activation::exp::exp_nonpositive;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, change_each, load, store};
use crate::loss::row::{row_max, row_sum};

/// Softmax of each row of `cols` logits in `z`, into `p`. A row with NaN or +∞ among its logits becomes NaN throughout, and so does one of
/// nothing but −∞. On tier `isa`, or on the next lower one of its architecture that this machine has.
///
/// # Panics
/// The slices differ in length, or are not whole rows.
pub fn softmax_rows<T: Element>(isa: Isa, z: &[T], cols: usize, p: &mut [T]) {
    assert_eq!(z.len(), p.len(), "one probability for each logit");
    if !z.is_empty() {
        assert!(cols > 0 && z.len().is_multiple_of(cols), "{} logits are not rows of {cols}", z.len());
        T::dispatch(isa, Softmax { z, cols, p });
    }
}

struct Softmax<'a, T> {
    z: &'a [T],
    cols: usize,
    p: &'a mut [T],
}

impl<T: Element> Kernel<T> for Softmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        for (z, p) in self.z.chunks_exact(self.cols).zip(self.p.chunks_exact_mut(self.cols)) {
            exponentials(simd, z, row_max(simd, z), p);
            let sum = simd.splat(row_sum(simd, p));
            change_each(
                simd,
                p,
                #[inline(always)]
                |e| simd.div(e, sum),
            );
        }
    }
}

/// `e_j = e^(z_j − max)`
#[inline(always)]
pub(crate) fn exponentials<T: Element, S: Simd<T>>(simd: S, z: &[T], max: T, e: &mut [T]) {
    assert_eq!(z.len(), e.len());
    let max = simd.splat(max);
    let mut at = 0;
    while at < z.len() {
        let n = S::LANES.min(z.len() - at);
        let exp = exp_nonpositive(simd, simd.sub(load(simd, &z[at..at + n]), max));
        store(simd, &mut e[at..at + n], exp);
        at += n;
    }
}
