//! A product with everything drawn at random, and the judge of its result: shared by the sweeps and by the fuzzer.

use crate::matrix::{Matrix, Order};
use crate::oracle::{Factors, Gates};
use crate::random::Random;
use crate::teams::welcoming;
use deltarule_kernels::gemm::gemm_at;
use deltarule_kernels::{Element, Isa, ShapeError, Team};

/// How factors are stored.
pub const FACTOR_ORDERS: [Order; 5] =
    [Order::Rows(0), Order::Columns(0), Order::Rows(3), Order::Columns(1), Order::Sparse(1)];
/// How outputs are stored.
pub const OUTPUT_ORDERS: [Order; 4] = [Order::Rows(0), Order::Rows(5), Order::Columns(2), Order::Sparse(2)];

/// `C = α A B + β C`, before it is computed.
#[derive(Clone, Debug)]
pub struct Product<T> {
    /// Scales A B.
    pub alpha: T,
    /// m × k.
    pub a: Matrix<T>,
    /// k × n.
    pub b: Matrix<T>,
    /// Scales C.
    pub beta: T,
    /// C before; poison where β is 0.
    pub before: Matrix<T>,
    /// Every number is a small whole one, so that every order of summation gives the same, exact result.
    pub whole: bool,
}

impl<T: Element> Product<T> {
    /// Numbers, layouts and scales from `random`.
    pub fn random(m: usize, n: usize, k: usize, random: &mut Random) -> Self {
        let whole = random.below(2) == 0;
        Self::drawn([m, n, k], whole, random)
    }

    /// The same, all numbers [whole](Self::whole) or none.
    pub fn drawn([m, n, k]: [usize; 3], whole: bool, random: &mut Random) -> Self {
        let orders = [random.pick(&FACTOR_ORDERS), random.pick(&FACTOR_ORDERS)];
        let output = random.pick(&OUTPUT_ORDERS);
        let alpha = random.pick(&[1.0, 1.0, 1.0, -2.0, if whole { 3.0 } else { 0.3 }]);
        let beta = random.pick(&[0.0, 0.0, 1.0, if whole { -1.0 } else { -0.7 }]);
        let mut number = |_, _| T::from_f64(if whole { random.integer() } else { random.uniform() });
        let a = Matrix::new(m, k, orders[0], &mut number);
        let b = Matrix::new(k, n, orders[1], &mut number);
        let before = if beta == 0.0 { Matrix::poisoned(m, n, output) } else { Matrix::new(m, n, output, &mut number) };
        Self { alpha: T::from_f64(alpha), a, b, beta: T::from_f64(beta), before, whole }
    }

    /// C after, on one tier.
    ///
    /// # Errors
    /// Never for matrices whose shapes fit.
    pub fn compute(&self, isa: Isa, team: &Team) -> Result<Matrix<T>, ShapeError> {
        let mut c = self.before.clone();
        gemm_at(isa, team, self.alpha, self.a.view()?, self.b.view()?, self.beta, c.view_mut()?)?;
        Ok(c)
    }

    /// C after by its definition: each element its [chain](Factors::chain).
    pub fn chains(&self) -> Matrix<T> {
        let mut c = self.before.clone();
        for (i, j) in (0..c.rows()).flat_map(|i| (0..self.b.cols()).map(move |j| (i, j))) {
            c.set(i, j, self.factors().chain(i, j));
        }
        c
    }

    /// What it reads.
    fn factors(&self) -> Factors<'_, T> {
        Factors { alpha: self.alpha, a: &self.a, b: &self.b, beta: self.beta, before: &self.before }
    }

    /// The three gates, and the gaps of C.
    ///
    /// # Errors
    /// Names the first element that fails.
    pub fn judge(&self, isa: Isa, c: &Matrix<T>) -> Result<(), String> {
        self.factors().judge(c, Gates { exact: self.whole, bits: isa != Isa::Portable })?;
        if c.gaps_untouched() { Ok(()) } else { Err("a gap of C was written".to_owned()) }
    }

    /// Computes and judges.
    ///
    /// # Panics
    /// The result is wrong.
    pub fn check(&self, isa: Isa, team: &Team) {
        let verdict = self.compute(isa, welcoming(team)).map_err(|e| e.to_string()).and_then(|c| self.judge(isa, &c));
        verdict.unwrap_or_else(|e| {
            let sizes = [self.a.rows(), self.b.cols(), self.a.cols()];
            let threads = team.threads();
            let Self { alpha, beta, .. } = self;
            panic!("{isa} {} m n k = {sizes:?}, alpha {alpha}, beta {beta}, {threads} threads: {e}", T::NAME)
        });
    }
}
