//! Cross-entropy of one class out of many, from the logits, and its gradient, softmax minus the right class:
//!
//! ```text
//! L = ln Σ e^(z_k − max) − (z_class − max),    ∂L/∂z = softmax(z) − 1_class
//! ```

use super::row::{RowSum, STRANDS, row_max};
use crate::activation::log::ln;
use crate::element::Element;
use crate::isa::{Kernel, Simd};
use crate::softmax::{change_each, exponentials, store};

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
        Self { z, classes, outputs, gradient }
    }
}

impl<T: Element> Kernel<T> for CrossEntropy<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) -> f64 {
        let mut total = 0.0;
        let rows = self.z.chunks_exact(self.outputs).zip(self.classes);
        for (r, (z, &class)) in rows.enumerate() {
            let class = class as usize;
            let max = row_max(z);
            let sum = match &mut self.gradient {
                Some((scale, dz)) => {
                    let dz = &mut dz[r * self.outputs..][..self.outputs];
                    gradient(simd, z, max, class, *scale, dz)
                }
                None => sum_of_exponentials(simd, z, max),
            };
            total += (ln_of(simd, sum) - (z[class] - max)).to_f64();
        }
        total
    }
}

/// `dz = scale · (softmax(z) − 1_class)`; returns `Σ e^(z − max)`.
#[inline(always)]
fn gradient<T: Element, S: Simd<T>>(simd: S, z: &[T], max: T, class: usize, scale: T, dz: &mut [T]) -> T {
    exponentials(simd, z, max, dz);
    let mut sum = RowSum::new();
    sum.add(dz);
    let sum = sum.total();
    let right = (dz[class] / sum - T::ONE) * scale;
    let (divisor, factor) = (simd.splat(sum), simd.splat(scale));
    change_each(
        simd,
        dz,
        #[inline(always)]
        |e| simd.mul(simd.div(e, divisor), factor),
    );
    dz[class] = right;
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
        sum.add(e);
    }
    sum.total()
}

/// `ln x` of one number.
#[inline(always)]
fn ln_of<T: Element, S: Simd<T>>(simd: S, x: T) -> T {
    let mut one = [T::ZERO];
    store(simd, &mut one, ln(simd, simd.splat(x)));
    one[0]
}
