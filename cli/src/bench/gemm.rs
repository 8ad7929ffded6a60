//! `deltarule bench gemm`: the products of a network, in `f32`, beside those of the crate `matrixmultiply`.
//!
//! Every result is checked before anything is timed: weights packed ahead must give the bits of the plain call, and
//! the peer's sums may differ by the rounding of another order of summation and no more.

use deltarule_kernels::{Isa, MatMut, PackedB, ShapeError, Team, gemm_on, gemm_packed};
use serde_json::json;

use super::measure::{Timed, in_turn};
use super::peer;
use super::products::{Factors, Product, all};
use super::{chosen, figure, percent, print_row, print_titles, threads_in_words};
use crate::arguments::BenchOptions;
use crate::failure::Failure;
use crate::machine::peak;
use crate::say::say;

/// Timed for each product where nothing else is asked for: thirteen products take twenty seconds.
const SECONDS: f64 = 1.4;

const TITLES: [&str; 8] =
    ["m×n×k", "deltarule", "% peak", "packed", "% peak", "matrixmultiply", "ratio", "packed's ratio"];

/// A way to compute C.
type Contender<'a> = Box<dyn FnMut(&mut [f32]) -> Result<(), Failure> + 'a>;

/// GFLOP/s of each.
struct Score {
    plain: f64,
    packed: Option<f64>,
    peer: f64,
}

/// Runs the benchmark.
pub(super) fn run(options: &BenchOptions) -> Result<(), Failure> {
    let products = chosen(all(), options, |product| &product.name)?;
    if !peer::is_told(options.threads) {
        return peer::run_again_told(options.threads);
    }
    let peak = peak::<f32>(options.threads);
    if options.json {
        for product in &products {
            say(&format!("{}\n", as_json(options, product, &score(options, product)?, peak)))?;
        }
        return Ok(());
    }
    say(&introduction(options, peak))?;
    let width = print_titles(&TITLES, products.iter().map(|product| product.name.as_str()))?;
    for product in &products {
        print_row(width, &TITLES, &cells(product, &score(options, product)?, peak))?;
    }
    Ok(())
}

fn introduction(options: &BenchOptions, peak: f64) -> String {
    let limited = match options.threads > peer::MOST_THREADS {
        true => format!("matrixmultiply uses {} threads at most\n", peer::MOST_THREADS),
        false => String::new(),
    };
    format!(
        "f32 products in GFLOP/s, {}, {}; peak {} GFLOP/s measured now\n\
         packed: with weights packed once, as training and serving keep them; ratio: to matrixmultiply's speed\n\
         {limited}\n",
        threads_in_words(options.threads),
        Isa::current(),
        figure(peak)
    )
}

/// Checks and times one product.
fn score(options: &BenchOptions, product: &Product) -> Result<Score, Failure> {
    let factors = product.factors();
    let team = Team::new(options.threads);
    let mut contenders = contenders(&team, product, &factors).map_err(impossible)?;
    verify(product, &factors, &mut contenders)?;
    let mut timed: Vec<Timed<'_>> = contenders.into_iter().map(|contender| repeated(product, contender)).collect();
    in_turn(&mut timed, options.seconds.unwrap_or(SECONDS), options.threads > 1)?;
    let mut gflops = timed.iter().map(|timed| product.flops() / timed.seconds() / 1e9);
    let mut next = || gflops.next().unwrap_or(f64::NAN);
    Ok(Score { plain: next(), peer: next(), packed: product.can_pack().then(next) })
}

/// Into a C of its own, so that no contender finds it warmed by another.
fn repeated<'a>(product: &Product, mut contender: Contender<'a>) -> Timed<'a> {
    let mut c = vec![0.0; product.m * product.n];
    Timed::new(move || contender(&mut c))
}

/// The plain call, the peer, and where it has a meaning the call with B packed ahead.
fn contenders<'a>(
    team: &'a Team,
    product: &Product,
    factors: &'a Factors<'_>,
) -> Result<Vec<Contender<'a>>, ShapeError> {
    let (m, n) = (product.m, product.n);
    let (a, b) = (factors.a().view()?, factors.b().view()?);
    let mut contenders: Vec<Contender<'a>> = vec![
        Box::new(move |c| MatMut::new(c, m, n).and_then(|c| gemm_on(team, 1.0, a, b, 0.0, c)).map_err(impossible)),
        Box::new(move |c| peer::multiply(factors.a(), factors.b(), c).map_err(impossible)),
    ];
    if product.can_pack() {
        let packed = PackedB::new(b);
        contenders.push(Box::new(move |c| {
            MatMut::new(c, m, n).and_then(|c| gemm_packed(team, a, &packed, 0.0, c)).map_err(impossible)
        }));
    }
    Ok(contenders)
}

/// The shapes are this program's own, so they fit.
fn impossible(error: impl std::error::Error) -> Failure {
    Failure::Other(error.to_string())
}

/// Compares all results with the first.
fn verify(product: &Product, factors: &Factors<'_>, contenders: &mut [Contender<'_>]) -> Result<(), Failure> {
    let mut results = Vec::new();
    for contender in contenders {
        // NaN where nothing is written: the comparison finds it.
        let mut c = vec![f32::NAN; product.m * product.n];
        contender(&mut c)?;
        results.push(c);
    }
    let bounds = bounds(product, factors)?;
    let Some((plain, others)) = results.split_first() else { return Ok(()) };
    for (nth, other) in others.iter().enumerate() {
        let (name, exact) = if nth == 0 { ("matrixmultiply", false) } else { ("the packed product", true) };
        // A NaN is in no bound and equals nothing.
        let agrees = |at: usize| match exact {
            true => plain[at] == other[at],
            false => (plain[at] - other[at]).abs() <= bounds[at],
        };
        if let Some(at) = (0..plain.len()).find(|&at| !agrees(at)) {
            let (i, j) = (at / product.n, at % product.n);
            return Err(Failure::Other(format!(
                "{}: element ({i}, {j}) is {}, but {name} has {}",
                product.name, plain[at], other[at]
            )));
        }
    }
    Ok(())
}

/// How far two orders of summation can be apart: `2 (k + 3) u · Σ|a||b|`, and a little for the bound's own rounding.
fn bounds(product: &Product, factors: &Factors<'_>) -> Result<Vec<f32>, Failure> {
    let magnitudes = factors.magnitudes();
    let mut bounds = vec![0.0; product.m * product.n];
    let (a, b) = (magnitudes.a().view().map_err(impossible)?, magnitudes.b().view().map_err(impossible)?);
    let c = MatMut::new(&mut bounds, product.m, product.n).map_err(impossible)?;
    gemm_on(&Team::serial(), 1.01 * (product.k + 3) as f32 * f32::EPSILON, a, b, 0.0, c).map_err(impossible)?;
    Ok(bounds)
}

fn cells(product: &Product, score: &Score, peak: f64) -> Vec<String> {
    let packed = |cell: &dyn Fn(f64) -> String| score.packed.map_or_else(|| "–".to_owned(), cell);
    vec![
        product.name.clone(),
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
    json!({
        "bench": "gemm",
        "name": product.name,
        "m": product.m,
        "n": product.n,
        "k": product.k,
        "layout": product.layout(),
        "dtype": "f32",
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
    fn a_wrong_product_is_found() {
        let product = Product { name: "small".to_owned(), m: 3, n: 5, k: 7, a_transposed: true, b_transposed: true };
        let factors = product.factors();
        let team = Team::serial();
        let mut good = contenders(&team, &product, &factors).expect("the shapes fit");
        verify(&product, &factors, &mut good).expect("both are right");
        let mut right = good.swap_remove(0);
        let mut bad: Vec<Contender<'_>> = vec![
            good.swap_remove(0),
            Box::new(move |c| {
                right(c)?;
                c[7] += 1e-3;
                Ok(())
            }),
        ];
        let error = verify(&product, &factors, &mut bad).expect_err("one element is off").to_string();
        assert!(error.contains("element (1, 2)"), "{error}");
    }
}
