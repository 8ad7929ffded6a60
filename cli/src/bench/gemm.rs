//! `deltarule bench gemm`: the products of a network, in `f32` but for one, beside those of the crate `matrixmultiply`.
//!
//! Every result is checked before anything is timed, and again afterwards: weights packed ahead must give the bits of the plain call, and
//! the peer's sums may differ by the rounding of another order of summation and no more.

use deltarule_kernels::{Isa, MatMut, PackedB, ShapeError, Team, gemm_on, gemm_packed};
use serde_json::json;

use super::limit::{Bandwidths, Limit, MEANING};
use super::measure::{Timed, interleaved};
use super::peak::Peak;
use super::peer::{self, Real};
use super::placed::Placed;
use super::problem::Problem;
use super::products::{Product, all, can_pack};
use super::shapes::Shape;
use super::table::{Table, figure};
use super::{budget, draw, named, percent, threads_in_words};
use crate::arguments::BenchOptions;
use crate::choice::Dtype;
use crate::failure::Failure;
use crate::picture::{DotPicture, DotRow, Ours, Peer};
use crate::say::say;

/// Timed for each product where nothing else is asked for: seventeen products take twenty seconds.
const SECONDS: f64 = 1.1;

/// Rounds that every contender gets, however long they take.
const LEAST_ROUNDS: usize = 3;

const TITLES: [&str; 11] = [
    "m×n×k",
    "limit",
    "deltarule",
    "% peak",
    "% limit",
    "packed",
    "% peak",
    "% limit",
    "matrixmultiply",
    "ratio",
    "packed's ratio",
];

/// A way to compute C.
type Multiply<'a, T> = Box<dyn FnMut(&mut [T]) -> Result<(), Failure> + 'a>;

/// Who computes C, and its own one, so that none finds it warmed by another.
struct Contender<'a, T> {
    name: &'static str,
    /// Its results have the bits of the plain call's.
    has_our_bits: bool,
    multiply: Multiply<'a, T>,
    c: Placed<T>,
}

impl<'a, T: Real> Contender<'a, T> {
    fn new(name: &'static str, has_our_bits: bool, shape: &Shape, multiply: Multiply<'a, T>) -> Self {
        Self { name, has_our_bits, multiply, c: Placed::zeros(shape.m * shape.n) }
    }

    fn run(&mut self) -> Result<(), Failure> {
        (self.multiply)(&mut self.c)
    }
}

/// GFLOP/s of each, in elements of a type.
struct Score {
    dtype: &'static str,
    plain: f64,
    packed: Option<f64>,
    peer: f64,
}

/// What the machine can do: the peaks of both element types, and how fast it reads.
struct Machine {
    f32: Peak,
    f64: Peak,
    reads: Bandwidths,
}

impl Machine {
    /// Measures thoroughly, on so many threads.
    fn new(threads: usize) -> Self {
        Self { f32: Peak::new::<f32>(threads), f64: Peak::new::<f64>(threads), reads: Bandwidths::new(threads) }
    }

    /// The best until now for a product that has just been timed.
    fn best(&mut self, product: &Product) -> Best {
        let (peak, element) = match product.dtype {
            Dtype::F32 => (&mut self.f32, size_of::<f32>()),
            Dtype::F64 => (&mut self.f64, size_of::<f64>()),
        };
        let peak = peak.again();
        let limit = self.reads.limit_again(&product.shape, element, peak);
        Best { peak, limit }
    }
}

/// What a product's speed is set against.
struct Best {
    /// GFLOP/s.
    peak: f64,
    limit: Limit,
}

/// Runs the benchmark.
pub(super) fn run(options: &BenchOptions) -> Result<(), Failure> {
    let products = named(all(), &options.only, |product| &product.shape.name).map_err(Failure::Misuse)?;
    if peer::told() != Some(options.threads) {
        return peer::run_again_told(options.threads);
    }
    let mut machine = Machine::new(options.threads);
    let mut rows = Vec::new();
    if options.json {
        for product in &products {
            let (score, best) = measured(options, product, &mut machine)?;
            say(&format!("{}\n", as_json(options, product, &score, &best)))?;
            rows.push(dots(product, &score, &best));
        }
        return draw(options, || picture(options, &machine, rows));
    }
    say(&introduction(options, &machine))?;
    let table = Table::new(&TITLES, products.iter().map(|product| product.shape.name.as_str()));
    say(&format!("{}\n", table.row(&TITLES)))?;
    for product in &products {
        let (score, best) = measured(options, product, &mut machine)?;
        say(&format!("{}\n", table.row(&cells(product, &score, &best))))?;
        rows.push(dots(product, &score, &best));
    }
    say(&format!("\n{MEANING}\n"))?;
    draw(options, || picture(options, &machine, rows))
}

fn introduction(options: &BenchOptions, machine: &Machine) -> String {
    let limited = match options.threads > peer::MOST_THREADS {
        true => format!("matrixmultiply uses {} threads at most\n", peer::MOST_THREADS),
        false => String::new(),
    };
    format!(
        "f32 products (f64 where it says so) in GFLOP/s, {}, {}; peak {} (f64 {}) GFLOP/s measured now\n\
         reads, all threads together: {}\n\
         packed: with weights packed once, as training and serving keep them; ratio: to matrixmultiply's speed\n\
         {limited}\n",
        threads_in_words(options.threads),
        Isa::current(),
        figure(machine.f32.gflops()),
        figure(machine.f64.gflops()),
        machine.reads
    )
}

/// One product's score, and what it is set against.
fn measured(options: &BenchOptions, product: &Product, machine: &mut Machine) -> Result<(Score, Best), Failure> {
    let score = match product.dtype {
        Dtype::F32 => score::<f32>(options, &product.shape)?,
        Dtype::F64 => score::<f64>(options, &product.shape)?,
    };
    Ok((score, machine.best(product)))
}

/// Checks, times and checks again one product.
fn score<T: Real>(options: &BenchOptions, shape: &Shape) -> Result<Score, Failure> {
    let problem = Problem::<T>::new(shape.clone());
    let team = Team::new(options.threads);
    let mut contenders = contenders(&team, &problem).map_err(impossible)?;
    let bounds = bounds(&problem)?;
    verify(shape, &mut contenders, &bounds)?;
    let seconds = seconds(options, &mut contenders)?;
    // What the last call that was timed has written, and then one more.
    compare(shape, &contenders, &bounds)?;
    verify(shape, &mut contenders, &bounds)?;
    let mut gflops = seconds.into_iter().map(|seconds| shape.flops() / seconds / 1e9);
    let mut next = || gflops.next().unwrap_or(f64::NAN);
    Ok(Score { dtype: T::NAME, plain: next(), peer: next(), packed: can_pack(shape).then(next) })
}

/// Seconds a call, of each.
fn seconds<T: Real>(options: &BenchOptions, contenders: &mut [Contender<'_, T>]) -> Result<Vec<f64>, Failure> {
    let mut timed: Vec<_> = contenders.iter_mut().map(|one| Timed::calling(|| one.run())).collect();
    interleaved(&mut timed, budget(options, SECONDS), LEAST_ROUNDS, options.threads > 1, || ())?;
    Ok(timed.iter().map(Timed::seconds).collect())
}

/// The plain call, the peer, and where it has a meaning the call with B packed ahead.
fn contenders<'a, T: Real>(team: &'a Team, problem: &'a Problem<T>) -> Result<Vec<Contender<'a, T>>, ShapeError> {
    let shape = &problem.shape;
    let (m, n) = (shape.m, shape.n);
    let (a, b) = (problem.a_view()?, problem.b_view()?);
    let plain: Multiply<'a, T> = Box::new(move |c| {
        MatMut::new(c, m, n).and_then(|c| gemm_on(team, T::ONE, a, b, T::ZERO, c)).map_err(impossible)
    });
    let peer: Multiply<'a, T> = Box::new(move |c| peer::multiply(problem, c).map_err(impossible));
    let mut contenders = vec![
        Contender::new("the plain product", true, shape, plain),
        Contender::new("matrixmultiply", false, shape, peer),
    ];
    if can_pack(shape) {
        let weights = PackedB::new(b);
        let packed: Multiply<'a, T> = Box::new(move |c| {
            MatMut::new(c, m, n).and_then(|c| gemm_packed(team, a, &weights, T::ZERO, c)).map_err(impossible)
        });
        contenders.push(Contender::new("the packed product", true, shape, packed));
    }
    Ok(contenders)
}

/// The shapes are this program's own, so they fit.
fn impossible(error: impl std::error::Error) -> Failure {
    Failure::Other(error.to_string())
}

/// One product of each, compared with the first's.
fn verify<T: Real>(shape: &Shape, contenders: &mut [Contender<'_, T>], bounds: &[T]) -> Result<(), Failure> {
    for contender in contenders.iter_mut() {
        // NaN where nothing is written: the comparison finds it.
        contender.c.fill(T::from_f64(f64::NAN));
        contender.run()?;
    }
    compare(shape, contenders, bounds)
}

/// Compares what each has written with what the first has.
fn compare<T: Real>(shape: &Shape, contenders: &[Contender<'_, T>], bounds: &[T]) -> Result<(), Failure> {
    let Some((plain, others)) = contenders.split_first() else { return Ok(()) };
    for other in others {
        // A NaN is in no bound and equals nothing.
        let agrees = |at: usize| match other.has_our_bits {
            true => plain.c[at] == other.c[at],
            false => (plain.c[at] - other.c[at]).abs() <= bounds[at],
        };
        if let Some(at) = (0..plain.c.len()).find(|&at| !agrees(at)) {
            let (i, j) = (at / shape.n, at % shape.n);
            return Err(Failure::Other(format!(
                "{}: element ({i}, {j}) is {}, but {} has {}",
                shape.name, plain.c[at], other.name, other.c[at]
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

fn cells(product: &Product, score: &Score, best: &Best) -> Vec<String> {
    let packed = |cell: &dyn Fn(f64) -> String| score.packed.map_or_else(|| "–".to_owned(), cell);
    let of_peak = |gflops: f64| percent(gflops / best.peak);
    let of_limit = |gflops: f64| percent(gflops / best.limit.gflops);
    vec![
        product.shape.name.clone(),
        best.limit.bound.to_string(),
        figure(score.plain),
        of_peak(score.plain),
        of_limit(score.plain),
        packed(&figure),
        packed(&of_peak),
        packed(&of_limit),
        figure(score.peer),
        format!("{:.2}", score.plain / score.peer),
        packed(&|packed| format!("{:.2}", packed / score.peer)),
    ]
}

fn as_json(options: &BenchOptions, product: &Product, score: &Score, best: &Best) -> serde_json::Value {
    let shape = &product.shape;
    let of_ours =
        |part: &dyn Fn(f64) -> f64| json!({ "deltarule": part(score.plain), "packed": score.packed.map(part) });
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
        "peak_gflops": best.peak,
        "gflops": { "deltarule": score.plain, "packed": score.packed, "matrixmultiply": score.peer },
        "peak_fraction": of_ours(&|gflops| gflops / best.peak),
        "limit": best.limit.bound.to_string(),
        "limit_fraction": of_ours(&|gflops| gflops / best.limit.gflops),
        "ratio": of_ours(&|gflops| gflops / score.peer),
    })
}

/// The row of the picture.
fn dots(product: &Product, score: &Score, best: &Best) -> DotRow {
    let share = |gflops: f64| gflops / best.peak;
    let peer = Peer { name: "matrixmultiply".to_owned(), share: share(score.peer) };
    let ours = |gflops: f64| Ours { share: share(gflops), best_peer: Some(peer.clone()) };
    DotRow {
        name: product.shape.name.clone(),
        limit: Some(share(best.limit.gflops)),
        peers: vec![peer.share],
        plain: Some(ours(score.plain)),
        packed: score.packed.map(ours),
    }
}

fn picture(options: &BenchOptions, machine: &Machine, rows: Vec<DotRow>) -> DotPicture {
    let subtitle = format!(
        "f32 (f64 where it says so) · {} · {} · peak {} (f64 {}) GFLOP/s · beside matrixmultiply",
        Isa::current(),
        threads_in_words(options.threads),
        figure(machine.f32.gflops()),
        figure(machine.f64.gflops())
    );
    DotPicture { title: "Products of a network's layers".to_owned(), subtitle, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::limit::Bound;
    use crate::bench::shapes::Layout;

    #[test]
    fn a_row_of_the_picture_is_set_against_the_peak() {
        let product = Product { shape: Shape::new("a", [1, 2, 3], Layout::NT), dtype: Dtype::F32 };
        let score = Score { dtype: "f32", plain: 30.0, packed: Some(60.0), peer: 20.0 };
        let row = dots(&product, &score, &Best { peak: 80.0, limit: Limit { bound: Bound::Fma, gflops: 80.0 } });
        let ours =
            |share| Some(Ours { share, best_peer: Some(Peer { name: "matrixmultiply".to_owned(), share: 0.25 }) });
        assert_eq!((row.limit, row.peers), (Some(1.0), vec![0.25]));
        assert_eq!((row.plain, row.packed), (ours(0.375), ours(0.75)));
    }

    /// Contenders of which the second spoils an element from one of its calls on, counted from 1.
    fn with_one_that_tires<'a>(team: &'a Team, problem: &'a Problem<f32>, tired: usize) -> Vec<Contender<'a, f32>> {
        let mut contenders = contenders(team, problem).expect("the shapes fit");
        let (mut right, mut calls) = (contenders.remove(1), 0);
        let tiring = Box::new(move |c: &mut [f32]| {
            (right.multiply)(c)?;
            calls += 1;
            c[7] += if calls < tired { 0.0 } else { 1e-3 };
            Ok(())
        });
        contenders.insert(1, Contender::new("tiring", false, &problem.shape, tiring));
        contenders
    }

    #[test]
    fn products_in_f64_are_right() {
        let problem = Problem::<f64>::new("30x50x70:nt".parse().expect("a shape"));
        let (team, bounds) = (Team::serial(), bounds(&problem).expect("the shapes fit"));
        let mut contenders = contenders(&team, &problem).expect("the shapes fit");
        verify(&problem.shape, &mut contenders, &bounds).expect("all are right");
    }

    #[test]
    fn a_wrong_product_is_found_before_the_timing_and_after_it() {
        let problem = Problem::<f32>::new("3x5x7:tt".parse().expect("a shape"));
        let (team, bounds) = (Team::serial(), bounds(&problem).expect("the shapes fit"));
        let found = |outcome: Result<(), Failure>| {
            let error = outcome.expect_err("one element is off").to_string();
            assert!(error.contains("element (1, 2)") && error.contains("tiring"), "{error}");
        };
        found(verify(&problem.shape, &mut with_one_that_tires(&team, &problem, 1), &bounds));
        let mut later = with_one_that_tires(&team, &problem, 2);
        verify(&problem.shape, &mut later, &bounds).expect("the first products are right");
        later.iter_mut().try_for_each(Contender::run).expect("nobody fails");
        found(compare(&problem.shape, &later, &bounds));
    }
}
