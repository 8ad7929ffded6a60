//! The way back through a layer of a single output, in one pass over its inputs.
//!
//! ```text
//!   row of the batch    dz ──▶ dz_below = (dz · w) ⊙ g′(a) ──▶ memory, and the sums of the bias below
//!                        │                  └──▶ dW_below += dz_below · x    where the layer below has a single input
//!                        ├──▶ dW += dz · a
//!                        └──▶ the sum of the bias
//! ```
//! Nothing here is worth a product: each number of `a` meets two or three multiplications. Products would wait for the latency of
//! their chains, one after the other; in one pass all chains run side by side (30-64-1, batch 32: 1.63 → 1.46 µs a step; 1-16-1:
//! 0.46 → 0.34). The bits are those of [`backward_input`](super::backward_input), [`backward_weights`](super::backward_weights) and
//! [`bias_sums`](super::bias_sums).

use super::bias::BIAS_ROWS;
use super::{Gradient, Weights};
use crate::activation::{Activation, ActivationFn, Chosen};
use crate::element::Element;
use crate::execute::Execute;
use crate::isa::{Kernel, Simd, load_n, store_n};
use crate::view::{MatMut, MatRef, ShapeError};

/// What lies below a layer of a single output: all batch × the layer's inputs, with contiguous rows.
#[derive(Debug)]
pub struct Below<'a, T> {
    /// The layer's input, the output of the layer below.
    pub a: MatRef<'a, T>,
    /// The activation of the layer below.
    pub activation: Activation,
    /// What its derivative is computed from: [`a`](Self::a), or the pre-activation.
    pub kept: MatRef<'a, T>,
    /// Where its error goes.
    pub dz: MatMut<'a, T>,
    /// Where the error's [sums](super::bias_sums) go.
    pub sums: &'a mut [T],
    /// Of a layer below with a single input: that input, batch × 1, and where the gradient of its weights goes.
    pub only: Option<(MatRef<'a, T>, &'a mut Gradient<T>)>,
}

/// All that comes of the error `dz`, batch × 1, of a layer with a single output: `dW = dzᵀ a` and its [sums](super::bias_sums), one for every
/// [`BIAS_ROWS`] rows begun, and for the layer below `dz = (dz W) ⊙ g′(kept)` and its sums, as many times its outputs.
///
/// # Errors
/// The shapes do not fit each other, or the layer has several outputs; nothing is written then.
#[inline(always)]
pub fn backward_single<T: Element>(
    by: impl Execute<T>,
    dz: MatRef<'_, T>,
    w: &Weights<T>,
    (dw, sums): (&mut Gradient<T>, &mut [T]),
    below: Below<'_, T>,
) -> Result<(), ShapeError> {
    let Below { a, activation, kept, dz: mut dz_below, sums: sums_below, only } = below;
    let (rows, inputs) = (dz.rows(), w.inputs());
    ShapeError::expect("the outputs of a layer with a single one", 1, w.outputs())?;
    ShapeError::expect("the columns of a layer's gradient", 1, dz.cols())?;
    dw.lines.expect_shape_of(&w.kept)?;
    for matrix in [a, kept, dz_below.as_ref()] {
        ShapeError::expect("the rows of what lies below a layer", rows, matrix.rows())?;
        ShapeError::expect("the columns of what lies below a layer", inputs, matrix.cols())?;
        matrix.expect_contiguous_rows("the column stride of what lies below a layer")?;
    }
    ShapeError::expect("the elements of bias sums", rows.div_ceil(BIAS_ROWS), sums.len())?;
    ShapeError::expect("the elements of bias sums", rows.div_ceil(BIAS_ROWS) * inputs, sums_below.len())?;
    if let Some((x, dw_below)) = &only {
        ShapeError::expect("the rows of a layer's input", rows, x.rows())?;
        ShapeError::expect("the columns of an input of one column", 1, x.cols())?;
        ShapeError::expect("the inputs of a layer's gradient", 1, dw_below.lines.inputs())?;
        ShapeError::expect("the outputs of a layer's gradient", inputs, dw_below.lines.outputs())?;
    }
    if inputs == 0 {
        sums_alone(dz, sums);
        return Ok(());
    }
    let single = Single {
        rows,
        inputs,
        dz: (dz.as_ptr(), dz.row_stride()),
        w: w.kept.packed().lines().as_ptr(),
        a: (a.as_ptr(), a.row_stride()),
        kept: (kept.as_ptr(), kept.row_stride()),
        below: (dz_below.as_mut_ptr(), dz_below.row_stride()),
        sums: sums.as_mut_ptr(),
        sums_below: sums_below.as_mut_ptr(),
        dw: dw.lines.packed_mut().lines_mut().as_mut_ptr(),
        activation,
    };
    let Some((x, dw_below)) = only else {
        by.kernel(Pass::<T, false> { single, x: (std::ptr::null(), 0), dw_below: std::ptr::null_mut() });
        return Ok(());
    };
    // One row, in the order of the inputs or of the outputs.
    let dw_below = dw_below.lines.packed_mut().lines_mut().as_mut_ptr();
    by.kernel(Pass::<T, true> { single, x: (x.as_ptr(), x.row_stride()), dw_below });
    Ok(())
}

/// The sums of a layer without inputs, whose pass has no column to find them beside.
#[cold]
fn sums_alone<T: Element>(dz: MatRef<'_, T>, sums: &mut [T]) {
    for (block, sum) in sums.iter_mut().enumerate() {
        let rows = block * BIAS_ROWS..dz.rows().min((block + 1) * BIAS_ROWS);
        *sum = rows.fold(T::ZERO, |sum, row| sum + dz.get(row, 0));
    }
}

/// Made only by [`backward_single`], which vouches for all operands: where each begins, and from one row to the next.
#[derive(Clone, Copy)]
struct Single<T> {
    rows: usize,
    inputs: usize,
    dz: (*const T, usize),
    w: *const T,
    a: (*const T, usize),
    kept: (*const T, usize),
    below: (*mut T, usize),
    sums: *mut T,
    sums_below: *mut T,
    dw: *mut T,
    activation: Activation,
}

/// … and, where the layer below has a `SINGLE_INPUT`, that input and the gradient of its weights.
struct Pass<T, const SINGLE_INPUT: bool> {
    single: Single<T>,
    x: (*const T, usize),
    dw_below: *mut T,
}

impl<T: Element, const SINGLE_INPUT: bool> Kernel<T> for Pass<T, SINGLE_INPUT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        self.single.activation.choose(On { pass: self, simd });
    }
}

/// … on a tier.
struct On<T, S, const SINGLE_INPUT: bool> {
    pass: Pass<T, SINGLE_INPUT>,
    simd: S,
}

impl<T: Element, S: Simd<T>, const SINGLE_INPUT: bool> Chosen<T> for On<T, S, SINGLE_INPUT> {
    #[inline(always)]
    fn with(self, g: impl ActivationFn<T>) {
        let inputs = self.pass.single.inputs;
        let mut col = 0;
        while inputs - col >= 2 * S::LANES {
            self.columns::<2>(g, col, S::LANES);
            col += 2 * S::LANES;
        }
        while col < inputs {
            self.columns::<1>(g, col, S::LANES.min(inputs - col));
            col += S::LANES;
        }
    }
}

impl<T: Element, S: Simd<T>, const SINGLE_INPUT: bool> On<T, S, SINGLE_INPUT> {
    /// `NV` vectors of columns, a single one perhaps partial, over all rows.
    #[inline(always)]
    fn columns<const NV: usize>(&self, g: impl ActivationFn<T>, col: usize, width: usize) {
        let (simd, Pass { single, x, dw_below: dw_below_to }) = (self.simd, &self.pass);
        let Single { rows, inputs, dz, a, kept, below, .. } = *single;
        let zero = simd.splat(T::ZERO);
        let w = self.load::<NV>(single.w.wrapping_add(col), width);
        let (mut dw, mut dw_below) = ([zero; NV], [zero; NV]);
        for first in (0..rows).step_by(BIAS_ROWS) {
            let (mut sum, mut sums_below) = (zero, [zero; NV]);
            for row in first..rows.min(first + BIAS_ROWS) {
                // SAFETY: a row's error (`backward_single`).
                let error = simd.splat(unsafe { *dz.0.wrapping_add(row * dz.1) });
                let x = if SINGLE_INPUT {
                    // SAFETY: a row's only input (`backward_single`).
                    simd.splat(unsafe { *x.0.wrapping_add(row * x.1) })
                } else {
                    zero
                };
                let a = self.load::<NV>(a.0.wrapping_add(row * a.1 + col), width);
                let kept = self.load::<NV>(kept.0.wrapping_add(row * kept.1 + col), width);
                let mut lower = [zero; NV];
                sum = simd.add(sum, error);
                for v in 0..NV {
                    dw[v] = simd.mul_add(error, a[v], dw[v]);
                    lower[v] = simd.mul(simd.mul_add(error, w[v], zero), g.derivative(simd, kept[v]));
                    sums_below[v] = simd.add(sums_below[v], lower[v]);
                    if SINGLE_INPUT {
                        dw_below[v] = simd.mul_add(x, lower[v], dw_below[v]);
                    }
                }
                self.store(below.0.wrapping_add(row * below.1 + col), width, lower);
            }
            let block = first / BIAS_ROWS;
            self.store(single.sums_below.wrapping_add(block * inputs + col), width, sums_below);
            // SAFETY: the block's sum of errors (`backward_single`); the same from all columns.
            unsafe { simd.store_partial(single.sums.wrapping_add(block), 1, sum) };
        }
        self.store(single.dw.wrapping_add(col), width, dw);
        if SINGLE_INPUT {
            self.store(dw_below_to.wrapping_add(col), width, dw_below);
        }
    }

    /// `NV` vectors, a single one perhaps partial.
    #[inline(always)]
    fn load<const NV: usize>(&self, from: *const T, width: usize) -> [S::V; NV] {
        let mut vectors = [self.simd.splat(T::ZERO); NV];
        let width = if NV > 1 { S::LANES } else { width };
        for (v, lanes) in vectors.iter_mut().enumerate() {
            // SAFETY: whole vectors of a row, or its last `width` elements (`backward_single`).
            *lanes = unsafe { load_n(self.simd, from.wrapping_add(v * S::LANES), width) };
        }
        vectors
    }

    #[inline(always)]
    fn store<const NV: usize>(&self, to: *mut T, width: usize, vectors: [S::V; NV]) {
        let width = if NV > 1 { S::LANES } else { width };
        for (v, lanes) in vectors.into_iter().enumerate() {
            // SAFETY: whole vectors of a row, or its last `width` elements (`backward_single`).
            unsafe { store_n(self.simd, to.wrapping_add(v * S::LANES), width, lanes) };
        }
    }
}
