//! `deltarule bench gemm`: the products of a network, in `f32` but for one, beside those of the crate `matrixmultiply`.
//!
//! Every result is checked before anything is timed: weights packed ahead must give the bits of the plain call, and
//! the peer's sums may differ by the rounding of another order of summation and no more.

use deltarule_kernels::{Isa, MatMut, PackedB, ShapeError, Team, gemm_on, gemm_packed};
use serde_json::json;

use super::measure::{Timed, interleaved};
use super::peak::Peak;
use super::peer::{self, Real};
use super::problem::Problem;
use super::products::{Product, all, can_pack};
use super::shapes::Shape;
use super::table::{Table, figure};
use super::{budget, chosen, percent, threads_in_words};
use crate::arguments::BenchOptions;
use crate::choice::Dtype;
use crate::failure::Failure;
use crate::say::say;

/// Timed for each product where nothing else is asked for: seventeen products take twenty seconds.
const SECONDS: f64 = 1.1;

const TITLES: [&str; 8] =
    ["m×n×k", "deltarule", "% peak", "packed", "% peak", "matrixmultiply", "ratio", "packed's ratio"];

/// A way to compute C.
type Contender<'a, T> = Box<dyn FnMut(&mut [T]) -> Result<(), Failure> + 'a>;

/// GFLOP/s of each, in elements of a type.
struct Score {
    dtype: &'static str,
    plain: f64,
    packed: Option<f64>,
    peer: f64,
}

/// The peaks of both element types.
struct Peaks {
    f32: Peak,
    f64: Peak,
}

impl Peaks {
    fn of(&mut self, dtype: Dtype) -> &mut Peak {
        match dtype {
            Dtype::F32 => &mut self.f32,
            Dtype::F64 => &mut self.f64,
        }
    }
}

/// Runs the benchmark.
pub(super) fn run(options: &BenchOptions) -> Result<(), Failure> {
    let products = chosen(all(), options, |product| &product.shape.name)?;
    if !peer::is_told(options.threads) {
        return peer::run_again_told(options.threads);
    }
    let mut peaks = Peaks { f32: Peak::new::<f32>(options.threads), f64: Peak::new::<f64>(options.threads) };
    if options.json {
        for product in &products {
            let (score, peak) = measured(options, product, &mut peaks)?;
            say(&format!("{}\n", as_json(options, product, &score, peak)))?;
        }
        return Ok(());
    }
    say(&introduction(options, &peaks))?;
    let table = Table::new(&TITLES, products.iter().map(|product| product.shape.name.as_str()));
    say(&format!("{}\n", table.row(&TITLES)))?;
    for product in &products {
        let (score, peak) = measured(options, product, &mut peaks)?;
        say(&format!("{}\n", table.row(&cells(product, &score, peak))))?;
    }
    Ok(())
}

fn introduction(options: &BenchOptions, peaks: &Peaks) -> String {
    let limited = match options.threads > peer::MOST_THREADS {
        true => format!("matrixmultiply uses {} threads at most\n", peer::MOST_THREADS),
        false => String::new(),
    };
    format!(
        "f32 products (f64 where it says so) in GFLOP/s, {}, {}; peak {} (f64 {}) GFLOP/s measured now\n\
         packed: with weights packed once, as training and serving keep them; ratio: to matrixmultiply's speed\n\
         {limited}\n",
        threads_in_words(options.threads),
        Isa::current(),
        figure(peaks.f32.gflops()),
        figure(peaks.f64.gflops())
    )
}

/// One product's score, and the peak until now.
fn measured(options: &BenchOptions, product: &Product, peaks: &mut Peaks) -> Result<(Score, f64), Failure> {
    let score = match product.dtype {
        Dtype::F32 => score::<f32>(options, &product.shape)?,
        Dtype::F64 => score::<f64>(options, &product.shape)?,
    };
    Ok((score, peaks.of(product.dtype).again()))
}

/// Checks and times one product.
fn score<T: Real>(options: &BenchOptions, shape: &Shape) -> Result<Score, Failure> {
    let problem = Problem::<T>::new(shape.clone());
    let team = Team::new(options.threads);
    let mut contenders = contenders(&team, &problem).map_err(impossible)?;
    verify(&problem, &mut contenders)?;
    let mut timed: Vec<_> = contenders.into_iter().map(|contender| repeated(shape, contender)).collect();
    interleaved(&mut timed, budget(options, SECONDS), 1, options.threads > 1, || ())?;
    let mut gflops = timed.iter().map(|timed| shape.flops() / timed.seconds() / 1e9);
    let mut next = || gflops.next().unwrap_or(f64::NAN);
    Ok(Score { dtype: T::NAME, plain: next(), peer: next(), packed: can_pack(shape).then(next) })
}

/// Into a C of its own, so that no contender finds it warmed by another.
fn repeated<'a, T: Real>(shape: &Shape, mut contender: Contender<'a, T>) -> Timed<'a, Failure> {
    let mut c = vec![T::ZERO; shape.m * shape.n];
    Timed::calling(move || contender(&mut c))
}

/// The plain call, the peer, and where it has a meaning the call with B packed ahead.
fn contenders<'a, T: Real>(team: &'a Team, problem: &'a Problem<T>) -> Result<Vec<Contender<'a, T>>, ShapeError> {
    let (m, n) = (problem.shape.m, problem.shape.n);
    let (a, b) = (problem.a_view()?, problem.b_view()?);
    let mut contenders: Vec<Contender<'a, T>> = vec![
        Box::new(move |c| {
            MatMut::new(c, m, n).and_then(|c| gemm_on(team, T::ONE, a, b, T::ZERO, c)).map_err(impossible)
        }),
        Box::new(move |c| peer::multiply(problem, c).map_err(impossible)),
    ];
    if can_pack(&problem.shape) {
        let packed = PackedB::new(b);
        contenders.push(Box::new(move |c| {
            MatMut::new(c, m, n).and_then(|c| gemm_packed(team, a, &packed, T::ZERO, c)).map_err(impossible)
        }));
    }
    Ok(contenders)
}

/// The shapes are this program's own, so they fit.
fn impossible(error: impl std::error::Error) -> Failure {
    Failure::Other(error.to_string())
}

/// Compares all results with the first.
fn verify<T: Real>(problem: &Problem<T>, contenders: &mut [Contender<'_, T>]) -> Result<(), Failure> {
    let shape = &problem.shape;
    let mut results = Vec::new();
    for contender in contenders {
        // NaN where nothing is written: the comparison finds it.
        let mut c = vec![T::from_f64(f64::NAN); shape.m * shape.n];
        contender(&mut c)?;
        results.push(c);
    }
    let bounds = bounds(problem)?;
    let Some((plain, others)) = results.split_first() else { return Ok(()) };
    for (nth, other) in others.iter().enumerate() {
        let (name, exact) = if nth == 0 { ("matrixmultiply", false) } else { ("the packed product", true) };
        // A NaN is in no bound and equals nothing.
        let agrees = |at: usize| match exact {
            true => plain[at] == other[at],
            false => (plain[at] - other[at]).abs() <= bounds[at],
        };
        if let Some(at) = (0..plain.len()).find(|&at| !agrees(at)) {
            let (i, j) = (at / shape.n, at % shape.n);
            return Err(Failure::Other(format!(
                "{}: element ({i}, {j}) is {}, but {name} has {}",
                shape.name, plain[at], other[at]
            )));
        }
    }
    Ok(())
}

/// How far two orders of summation can be apart: `2 (k + 3) u · Σ|a||b|`, and a little for the bound's own rounding.
fn bounds<T: Real>(problem: &Problem<T>) -> Result<Vec<T>, Failure> {
    let magnitudes = |values: &[T]| values.iter().map(|value| value.abs()).collect();
    let shape = problem.shape.clone();
    let Shape { m, n, k, .. } = shape;
    let magnitudes = Problem { shape, a: magnitudes(&problem.a), b: magnitudes(&problem.b) };
    let mut bounds = vec![T::ZERO; m * n];
    let (a, b) = (magnitudes.a_view().map_err(impossible)?, magnitudes.b_view().map_err(impossible)?);
    let factor = T::from_f64(1.01 * (k + 3) as f64 * T::EPSILON.to_f64());
    let c = MatMut::new(&mut bounds, m, n).map_err(impossible)?;
    gemm_on(&Team::serial(), factor, a, b, T::ZERO, c).map_err(impossible)?;
    Ok(bounds)
}

fn cells(product: &Product, score: &Score, peak: f64) -> Vec<String> {
    let packed = |cell: &dyn Fn(f64) -> String| score.packed.map_or_else(|| "–".to_owned(), cell);
    vec![
        product.shape.name.clone(),
        figure(score.plain),
        percent(score.plain / peak),
        packed(&figure),
        packed(&|packed| percent(packed / peak)),
        figure(score.peer),
        format!("{:.2}", score.plain / score.peer),
        packed(&|packed| format!("{:.2}", packed / score.peer)),
    ]
}

fn as_json(options: &BenchOptions, product: &Product, score: &Score, peak: f64) -> serde_json::Value {
    let shape = &product.shape;
    json!({
        "bench": "gemm",
        "name": shape.name,
        "m": shape.m,
        "n": shape.n,
        "k": shape.k,
        "layout": shape.layout.to_string(),
        "dtype": score.dtype,
        "isa": Isa::current().to_string(),
        "threads": options.threads,
        "peak_gflops": peak,
        "gflops": { "deltarule": score.plain, "packed": score.packed, "matrixmultiply": score.peer },
        "peak_fraction": { "deltarule": score.plain / peak, "packed": score.packed.map(|packed| packed / peak) },
        "ratio": { "deltarule": score.plain / score.peer, "packed": score.packed.map(|packed| packed / score.peer) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_in_f64_are_right() {
        let problem = Problem::<f64>::new("30x50x70:nt".parse().expect("a shape"));
        let team = Team::serial();
        let mut contenders = contenders(&team, &problem).expect("the shapes fit");
        verify(&problem, &mut contenders).expect("all are right");
    }

    #[test]
    fn a_wrong_product_is_found() {
        let problem = Problem::<f32>::new("3x5x7:tt".parse().expect("a shape"));
        let team = Team::serial();
        let mut good = contenders(&team, &problem).expect("the shapes fit");
        verify(&problem, &mut good).expect("both are right");
        let mut right = good.swap_remove(0);
        let mut bad: Vec<Contender<'_, f32>> = vec![
            good.swap_remove(0),
            Box::new(move |c| {
                right(c)?;
                c[7] += 1e-3;
                Ok(())
            }),
        ];
        let error = verify(&problem, &mut bad).expect_err("one element is off").to_string();
        assert!(error.contains("element (1, 2)"), "{error}");
    }
}
