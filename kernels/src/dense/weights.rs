//! What a layer keeps: weights in both packed layouts, a gradient, the optimiser's moments.

use super::array::Array;
use super::beyond::Beyond;
use super::line_jobs::LineJobs;
use crate::element::Element;
use crate::execute::Compute;
use crate::gemm::{PackedB, Right};
use crate::isa::{Isa, Kernel, Simd, load};
use crate::machine::caches;
use crate::optimiser::Rule;
use crate::view::{MatRef, ShapeError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The weights of a dense layer, outputs × inputs seen from outside, packed inside.
#[derive(Clone, Debug)]
pub struct Weights<T> {
    /// The weights, as an optimiser changes them.
    pub(super) kept: Array<T>,
    /// Their transpose, which follows: where one is kept. A row is its own.
    pub(super) transposed: Option<PackedB<T>>,
}

impl<T: Element> Weights<T> {
    /// Packs `w`, outputs × inputs: by inputs, as [`forward`](super::forward()) reads them; or by outputs, as
    /// [`backward_input`](super::backward_input) does, where these are at most a line and inputs fill lines better. Weights by outputs have a
    /// copy by inputs, however large, but for those of a single output, which need none. Weights by inputs have one by outputs
    /// `with_transpose`; the first layer of a net, which has no gradient to hand down, saves it.
    ///
    /// Beyond L2 there is no copy by outputs: it would be fetched and written back at every update, which takes longer than transposing the weights
    /// strip by strip when they are needed (64-4096-1024, batch 32: 4.75 → 3.85 ms a step; 1024-4096-1024, batch 512: second update
    /// −1.4 ms, errors down +0.6; alike where L3 keeps both copies).
    ///
    /// # Panics
    /// A copy would be larger than the address space: see [`PackedB::new`].
    pub fn from_rows(w: MatRef<'_, T>, with_transpose: bool) -> Self {
        let mut kept = Array::zeros(w.cols(), w.rows());
        let values = if kept.is_by_outputs() { w } else { w.t() };
        kept.packed_mut().fill_from(values);
        Self::of(kept, with_transpose)
    }

    /// The same weights as numbers of another type, in its own layout: exact from `f32` to `f64`, rounded the other way. `with_transpose`, and what
    /// is copied, as for [`from_rows`](Self::from_rows).
    ///
    /// # Panics
    /// A copy would be larger than the address space.
    pub fn cast<U: Element>(&self, with_transpose: bool) -> Weights<U> {
        Weights::of(self.kept.cast(), with_transpose)
    }

    /// What is kept, and its transpose where that is needed or pays.
    fn of(kept: Array<T>, with_transpose: bool) -> Self {
        let lines = kept.packed();
        let pays = with_transpose && size_of_val(lines.lines()) <= caches().l2;
        let is_needed = !kept.is_row() && (pays || kept.is_by_outputs());
        let transposed = is_needed.then(|| {
            let mut transposed = PackedB::zeros(lines.cols(), lines.rows());
            super::update::transpose(Isa::current(), lines, &mut transposed);
            transposed
        });
        Self { kept, transposed }
    }

    /// Wᵀ, inputs × outputs: the right-hand side of `x Wᵀ`; none where the weights are a row.
    #[inline(always)]
    pub(super) fn forward(&self) -> Option<&PackedB<T>> {
        if self.kept.is_by_outputs() { self.transposed.as_ref() } else { Some(self.kept.packed()) }
    }

    /// W, outputs × inputs: the right-hand side of `dz W`.
    #[inline(always)]
    pub(super) fn backward(&self) -> Right<T> {
        match &self.transposed {
            _ if self.kept.is_by_outputs() => self.kept.packed().right(),
            Some(transposed) => transposed.right(),
            None => self.kept.packed().transposed_right(),
        }
    }

    /// Inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.kept.inputs()
    }

    /// Outputs of the layer.
    pub fn outputs(&self) -> usize {
        self.kept.outputs()
    }

    /// The weight from input `i` to output `o`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn get(&self, o: usize, i: usize) -> T {
        self.kept.get(i, o)
    }

    /// Changes the weight from input `i` to output `o`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn set(&mut self, o: usize, i: usize, value: T) {
        self.kept.put(i, o, value);
        let by_outputs = self.kept.is_by_outputs();
        if let Some(transposed) = &mut self.transposed {
            if by_outputs { transposed.put(i, o, value) } else { transposed.put(o, i, value) }
        }
    }

    /// A copy, outputs × inputs, row by row.
    pub fn to_rows(&self) -> Vec<T> {
        self.kept.to_rows()
    }

    /// Replaces all weights by `w`, outputs × inputs, without allocating.
    ///
    /// # Errors
    /// `w` has another shape.
    pub fn set_rows(&mut self, w: MatRef<'_, T>) -> Result<(), ShapeError> {
        self.kept.set(w)?;
        let by_outputs = self.kept.is_by_outputs();
        match &mut self.transposed {
            Some(transposed) => transposed.set(if by_outputs { w.t() } else { w }),
            None => Ok(()),
        }
    }
}

/// The gradient of the loss by a layer's weights, in the layout in which the weights are kept.
#[derive(Clone, Debug)]
pub struct Gradient<T> {
    pub(super) lines: Array<T>,
}

impl<T: Element> Gradient<T> {
    /// Zeros in the shape of `weights`.
    pub fn zeros_like(weights: &Weights<T>) -> Self {
        Self { lines: Array::zeros(weights.inputs(), weights.outputs()) }
    }

    /// Inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.lines.inputs()
    }

    /// Outputs of the layer.
    pub fn outputs(&self) -> usize {
        self.lines.outputs()
    }

    /// The derivative by the weight from input `i` to output `o`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn get(&self, o: usize, i: usize) -> T {
        self.lines.get(i, o)
    }

    /// A copy, outputs × inputs, row by row.
    pub fn to_rows(&self) -> Vec<T> {
        self.lines.to_rows()
    }

    /// Whether every element is at most `limit` in size, which a NaN is not: within [`Element::MAX`] all are finite.
    ///
    /// # Panics
    /// Where a [team](crate::Team#panics) does.
    #[inline(always)]
    pub fn is_within<C: Compute<T>>(&self, by: C, limit: T) -> bool {
        let Some(jobs) = LineJobs::of(self.lines.packed()).filter(|_| C::PLANNED) else {
            return by.kernel(IsWithin { part: self.all_lines(), limit });
        };
        let all = AtomicBool::new(true);
        by.each(jobs.are_worth_helpers(), jobs.count(), |job| {
            if !by.kernel(IsWithin { part: self.lines_of(jobs, job), limit }) {
                all.store(false, Ordering::Relaxed);
            }
        });
        all.into_inner()
    }

    /// The sum of all squares in `f64`, in an order that the shape alone decides: lane by lane down each packed line, across its lanes, line
    /// after line, and so for some lines after others where there are many.
    ///
    /// # Panics
    /// Where a [team](crate::Team#panics) does.
    #[inline(always)]
    pub fn sum_of_squares(&self, by: impl Compute<T>) -> f64 {
        let Some(jobs) = LineJobs::of(self.lines.packed()) else { return by.kernel(SumOfSquares(self.all_lines())) };
        let sums = [const { AtomicU64::new(0) }; LineJobs::MOST];
        by.each(jobs.are_worth_helpers(), jobs.count(), |job| {
            let sum: f64 = by.kernel(SumOfSquares(self.lines_of(jobs, job)));
            sums[job].store(sum.to_bits(), Ordering::Relaxed);
        });
        sums.into_iter().take(jobs.count()).fold(0.0, |total, sum| total + f64::from_bits(sum.into_inner()))
    }

    #[inline(always)]
    fn all_lines(&self) -> LineRange<'_, T> {
        let packed = self.lines.packed();
        LineRange { lines: packed.lines(), rows: packed.rows(), cols: packed.cols() }
    }

    fn lines_of(&self, jobs: LineJobs, job: usize) -> LineRange<'_, T> {
        let packed = self.lines.packed();
        LineRange { lines: &packed.lines()[jobs.elements(job)], rows: packed.rows(), cols: jobs.cols(job).len() }
    }
}

/// Some lines of an array.
struct LineRange<'a, T> {
    lines: &'a [T],
    rows: usize,
    cols: usize,
}

/// An ordinary loop, on a tier: elsewhere each fused multiply-add would be a call of the platform's (784-128-10, batch 128, clipped:
/// 702 → 473 µs a step; on two threads, shared, 498 → 247).
struct SumOfSquares<'a, T>(LineRange<'a, T>);

impl<T: Element> Kernel<T> for SumOfSquares<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) -> f64 {
        let LineRange { lines, rows, cols } = self.0;
        let mut sum = 0.0;
        for (l, line) in lines.chunks_exact((rows * T::LINE).max(1)).enumerate() {
            let mut lanes = [0.0_f64; 16];
            for row in line.chunks_exact(T::LINE) {
                for (lane, &g) in lanes.iter_mut().zip(row) {
                    let g = g.to_f64();
                    *lane = if S::ISA.fuses() { g.mul_add(g, *lane) } else { g * g + *lane };
                }
            }
            let width = T::LINE.min(cols - l * T::LINE);
            lanes[..width].iter().for_each(|lane| sum += lane);
        }
        sum
    }
}

/// Whole lines as they are, and of a last one that is padded only what is not padding.
struct IsWithin<'a, T> {
    part: LineRange<'a, T>,
    limit: T,
}

impl<T: Element> Kernel<T> for IsWithin<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> bool {
        let Self { part: LineRange { lines, rows, cols }, limit } = self;
        let (whole, last) = lines.split_at(cols / T::LINE * rows * T::LINE);
        // No early exit, so that the compiler can take a vector at a time.
        let within = whole.iter().fold(true, |within, g| within & (g.abs() <= limit));
        let mut beyond = Beyond::none(simd);
        for row in last.chunks_exact(T::LINE) {
            for lanes in row[..cols % T::LINE].chunks(S::LANES) {
                beyond.look(simd, load(simd, lanes), limit);
            }
        }
        within & !beyond.is_any(simd)
    }
}

/// What an optimiser remembers of each weight: none, one or two arrays in the layout in which the weights are kept.
#[derive(Clone, Debug)]
pub struct Moments<T> {
    pub(super) first: Option<Array<T>>,
    pub(super) second: Option<Array<T>>,
}

impl<T: Element> Moments<T> {
    /// Zeros in the shape of `weights`, as many arrays as `rule` has use for.
    pub fn zeros_like(weights: &Weights<T>, rule: Rule) -> Self {
        let zeros = || Array::zeros(weights.inputs(), weights.outputs());
        Self { first: (rule.moments() >= 1).then(zeros), second: (rule.moments() >= 2).then(zeros) }
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + usize::from(self.second.is_some())
    }

    /// The optimiser remembers nothing.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Inputs of the layer; `None` where the optimiser remembers nothing.
    pub fn inputs(&self) -> Option<usize> {
        self.first.as_ref().map(Array::inputs)
    }

    /// Outputs of the layer; `None` where the optimiser remembers nothing.
    pub fn outputs(&self) -> Option<usize> {
        self.first.as_ref().map(Array::outputs)
    }

    /// A copy of array `which` (0 or 1), outputs × inputs, row by row; nothing where there is no such array.
    pub fn to_rows(&self, which: usize) -> Option<Vec<T>> {
        [&self.first, &self.second].get(which).copied()?.as_ref().map(Array::to_rows)
    }

    /// Replaces array `which` (0 or 1) by `values`, outputs × inputs.
    ///
    /// # Errors
    /// There is no such array, or it has another shape.
    pub fn set_rows(&mut self, which: usize, values: MatRef<'_, T>) -> Result<(), ShapeError> {
        let len = self.len();
        match [&mut self.first, &mut self.second].into_iter().nth(which) {
            Some(Some(array)) => array.set(values),
            _ => ShapeError::expect("the number of an optimiser's moment arrays", len, which.saturating_add(1)),
        }
    }
}
