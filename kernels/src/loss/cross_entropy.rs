//! Cross-entropy of one class out of many, from the logits, and its gradient, softmax minus the right class:
//!
//! ```text
//! L = ln Σ e^(z_k − max) − (z_class − max),    ∂L/∂z = softmax(z) − 1_class
//! ```

use super::row::{RowSum, STRANDS, Total, row_max, row_sum};
use crate::activation::log::ln;
use crate::element::Element;
use crate::isa::{Kernel, Simd, change_each, load};
use crate::softmax::exponentials;

/// Exponentials on the stack where no gradient takes them.
const BLOCK: usize = 32 * STRANDS;

pub(super) struct CrossEntropy<'a, T> {
    z: &'a [T],
    classes: &'a [u32],
    outputs: usize,
    gradient: Option<(T, &'a mut [T])>,
}

impl<'a, T: Element> CrossEntropy<'a, T> {
    pub(super) fn new(z: &'a [T], classes: &'a [u32], outputs: usize, gradient: Option<(T, &'a mut [T])>) -> Self {
        assert_eq!(classes.len() * outputs, z.len(), "one class for each row of {outputs} logits");
        // The largest alone, without an exit on the way: a vector of classes at a time.
        let largest = classes.iter().fold(0, |largest: u32, &class| largest.max(class));
        if largest as usize >= outputs {
            refuse(classes, outputs);
        }
        Self { z, classes, outputs, gradient }
    }
}

/// Names the first row whose class is none of the outputs, before anything is written. (No rows have none, be there outputs or not.)
#[cold]
fn refuse(classes: &[u32], outputs: usize) {
    for (row, &class) in classes.iter().enumerate() {
        assert!((class as usize) < outputs, "row {row} has class {class}, but there are {outputs} outputs");
    }
}

impl<T: Element> Kernel<T> for CrossEntropy<'_, T> {
    type Output = f64;

    /// By sixteen rows, so that a logarithm fills its vector.
    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) -> f64 {
        let mut total = Total::new();
        for (block, classes) in self.classes.chunks(STRANDS).enumerate() {
            let (mut sums, mut right) = ([T::ONE; STRANDS], [T::ZERO; STRANDS]);
            for (i, &class) in classes.iter().enumerate() {
                let start = (block * STRANDS + i) * self.outputs;
                let row = start..start + self.outputs;
                let (z, class) = (&self.z[row.clone()], class as usize);
                let max = row_max(simd, z);
                right[i] = z[class] - max;
                sums[i] = match &mut self.gradient {
                    Some((scale, dz)) => gradient(simd, z, max, class, *scale, &mut dz[row]),
                    None => sum_of_exponentials(simd, z, max),
                };
            }
            change_each(
                simd,
                &mut sums,
                #[inline(always)]
                |sum| ln(simd, sum),
            );
            for (ln, right) in sums.iter_mut().zip(right) {
                *ln = *ln - right;
            }
            total.add(&sums[..classes.len()]);
        }
        total.sum()
    }
}

/// `dz = scale · (softmax(z) − 1_class)`; returns `Σ e^(z − max)`.
#[inline(always)]
fn gradient<T: Element, S: Simd<T>>(simd: S, z: &[T], max: T, class: usize, scale: T, dz: &mut [T]) -> T {
    exponentials(simd, z, max, dz);
    let sum = row_sum(simd, dz);
    let (divisor, factor) = (simd.splat(sum), simd.splat(scale));
    let (zero, one) = (simd.splat(T::ZERO), simd.splat(T::ONE));
    let lanes = load(simd, T::COUNT);
    let mut place = class as f64;
    change_each(
        simd,
        dz,
        #[inline(always)]
        |e| {
            let right = simd.eq(lanes, simd.splat(T::from_f64(place)));
            place -= S::LANES as f64;
            let p = simd.div(e, divisor);
            simd.mul(simd.sub(p, simd.select(right, one, zero)), factor)
        },
    );
    sum
}

/// `Σ e^(z − max)`, in the same order as in [`gradient`].
#[inline(always)]
fn sum_of_exponentials<T: Element, S: Simd<T>>(simd: S, z: &[T], max: T) -> T {
    let mut block = [T::ZERO; BLOCK];
    let mut sum = RowSum::new();
    for z in z.chunks(BLOCK) {
        let e = &mut block[..z.len()];
        exponentials(simd, z, max, e);
        sum.add(simd, e);
    }
    sum.total()
}
