//! The oracle: the product written down as it is defined, and the three gates that every kernel must pass.

use crate::matrix::Matrix;
use deltarule_kernels::Element;

/// Everything that a product reads.
#[derive(Clone, Copy)]
pub struct Factors<'a, T> {
    /// Scales A B; folded into A by one rounding, which is part of what is promised.
    pub alpha: T,
    /// m × k.
    pub a: &'a Matrix<T>,
    /// k × n.
    pub b: &'a Matrix<T>,
    /// Scales C.
    pub beta: T,
    /// C before; not read where β is 0.
    pub before: &'a Matrix<T>,
}

/// Which gates a result must pass beside the first, which is for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gates {
    /// Gate 2: the inputs are whole numbers so small that every partial sum is exact, and so must the result be.
    pub exact: bool,
    /// Gate 3: the bits of the chain `fma(αa, b, ·)` in the order of k, from `βc` or zero.
    pub bits: bool,
}

impl<T: Element> Factors<'_, T> {
    /// Gate 1, every element of `c` within `γ(k+3)·(|α||A||B| + |β||C|)` of the product (NaN fails), and the other `gates`.
    ///
    /// # Errors
    /// Names the first element that fails.
    pub fn judge(self, c: &Matrix<T>, gates: Gates) -> Result<(), String> {
        let unit = (self.a.cols() + 3) as f64 * T::EPSILON.to_f64() / 2.0;
        let gamma = unit / (1.0 - unit);
        for (i, j) in (0..c.rows()).flat_map(|i| (0..c.cols()).map(move |j| (i, j))) {
            let got = c.get(i, j);
            let (sum, magnitude) = self.element_ref(i, j);
            let within = (got.to_f64() - sum).abs() <= gamma * magnitude;
            if !within || (gates.exact && got.to_f64() != sum) {
                return Err(format!("element ({i}, {j}) is {got:?}, the oracle says {sum}"));
            }
            if gates.bits && got.to_bits64() != self.chain(i, j).to_bits64() {
                return Err(format!("element ({i}, {j}) is {got:?}, its chain {:?}", self.chain(i, j)));
            }
        }
        Ok(())
    }

    /// `Σ (αa) b + β c` of one element and `Σ |(αa) b| + |β c|` in `f64`, the roundings carried along in a second word. `αa` is formed in `T`, by
    /// one rounding, as the product is documented to do: where that overflows or underflows, so does the oracle.
    fn element_ref(self, i: usize, j: usize) -> (f64, f64) {
        let (mut high, mut low, mut magnitude) = (0.0f64, 0.0f64, 0.0f64);
        let mut add = |x: f64, y: f64| {
            let product = x * y;
            let sum = high + product;
            let part = sum - high;
            low += (high - (sum - part)) + (product - part);
            // The product of two f32 is exact.
            low += if size_of::<T>() == 4 { 0.0 } else { x.mul_add(y, -product) };
            high = sum;
            magnitude += product.abs();
        };
        (0..self.terms()).for_each(|p| add((self.alpha * self.a.get(i, p)).to_f64(), self.b.get(p, j).to_f64()));
        if self.beta != T::ZERO {
            add(self.beta.to_f64(), self.before.get(i, j).to_f64());
        }
        (high + low, magnitude)
    }

    /// Element (i, j) as it is promised: the chain `fma(αa, b, ·)` in the order of k, from `βc` or zero.
    pub fn chain(self, i: usize, j: usize) -> T {
        let start = if self.beta == T::ZERO { T::ZERO } else { self.beta * self.before.get(i, j) };
        (0..self.terms()).fold(start, |sum, p| Element::mul_add(self.alpha * self.a.get(i, p), self.b.get(p, j), sum))
    }

    /// With α = 0, A and B are not read.
    fn terms(self) -> usize {
        if self.alpha == T::ZERO { 0 } else { self.a.cols() }
    }
}
