//! Losses that are sums over outputs: each output's term and derivative depend on it alone.
//!
//! So the vectors run over the whole batch, across the ends of rows (a batch of single outputs fills them, too); terms
//! go to a block on the stack, and from there into their rows' sums.

use super::row::{RowSum, STRANDS, Total, row_sum};
use crate::element::Element;
use crate::isa::{Kernel, Simd, load, store};

/// Terms on the stack: some KiB of L1, and whole strands.
const BLOCK: usize = 8 * STRANDS;

/// One loss of this kind.
pub(super) trait Terms<T>: Copy {
    /// The term of one output, and the derivative without its factor.
    fn term<S: Simd<T>>(self, simd: S, out: S::V, y: S::V) -> (S::V, S::V);
    /// The row loss, from the sum of its terms.
    fn row(self, sum: T, outputs: usize) -> T;
    /// The factor of the derivative.
    fn factor(self, outputs: usize) -> f64;
}

pub(super) struct Pointwise<'a, T, L> {
    loss: L,
    out: &'a [T],
    y: &'a [T],
    outputs: usize,
    gradient: Option<(T, &'a mut [T])>,
}

impl<'a, T: Element, L: Terms<T>> Pointwise<'a, T, L> {
    pub(super) fn new(loss: L, out: &'a [T], y: &'a [T], outputs: usize, gradient: Option<(T, &'a mut [T])>) -> Self {
        assert_eq!(y.len(), out.len(), "one target for each output");
        let gradient = gradient.map(|(scale, dz)| (scale * T::from_f64(loss.factor(outputs)), dz));
        Self { loss, out, y, outputs, gradient }
    }

    /// The terms from `at` on, and their derivatives.
    #[inline(always)]
    fn fill<S: Simd<T>>(&mut self, simd: S, mut at: usize, terms: &mut [T]) {
        for terms in terms.chunks_mut(S::LANES) {
            let here = at..at + terms.len();
            let out = load(simd, &self.out[here.clone()]);
            let (term, derivative) = self.loss.term(simd, out, load(simd, &self.y[here.clone()]));
            store(simd, terms, term);
            if let Some((factor, dz)) = &mut self.gradient {
                store(simd, &mut dz[here.clone()], simd.mul(derivative, simd.splat(*factor)));
            }
            at = here.end;
        }
    }
}

impl<T: Element, L: Terms<T>> Kernel<T> for Pointwise<'_, T, L> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) -> f64 {
        let (len, outputs) = (self.out.len(), self.outputs);
        let mut block = [T::ZERO; BLOCK];
        let mut total = Total::new();
        let mut at = 0;
        while at < len {
            if outputs <= BLOCK {
                // Several rows at once.
                let terms = &mut block[..(BLOCK / outputs * outputs).min(len - at)];
                self.fill(simd, at, terms);
                at += terms.len();
                let rows = terms.len() / outputs;
                for i in 0..rows {
                    // A row's sum goes where the terms have been read by now; that of a single output is its only term.
                    let sum = if outputs == 1 { terms[i] } else { row_sum(simd, &terms[i * outputs..][..outputs]) };
                    terms[i] = self.loss.row(sum, outputs);
                }
                total.add(&terms[..rows]);
            } else {
                // One row in several pieces.
                let end = at + outputs;
                let mut sum = RowSum::new();
                while at < end {
                    let terms = &mut block[..BLOCK.min(end - at)];
                    self.fill(simd, at, terms);
                    at += terms.len();
                    sum.add(simd, terms);
                }
                total.add(&[self.loss.row(sum.total(), outputs)]);
            }
        }
        total.sum()
    }
}
