//! `versus gemm`: every contender on every product, verified, timed in turn, verified again, and shown beside the best of the peers.
//!
//! Like is set against like: the plain call against the peers' plain calls, and the one whose weights were packed beforehand against
//! whatever is fastest, the peers' packed calls included. And both are set against the machine: its peak, and the limit that binds the product.

use crate::beside::Beside;
use crate::conditions;
use crate::contenders::{self, Contender, Real};
use crate::measure::{Timed, interleaved};
use crate::options::Options;
use crate::peak::Peak;
use crate::prepared::Prepared;
use crate::problem::{Problem, turned};
use crate::shapes::Shape;
use crate::table::{begin, figure, json_string};
use deltarule_cli::bench::limit::{Bandwidths, Limit, MEANING};
use deltarule_cli::bench::named;
use deltarule_cli::picture::{DotPicture, DotRow, Ours, Peer};
use deltarule_kernels::Element;
use std::convert::Infallible;

/// Rounds that every contender gets, however long they take.
const LEAST_ROUNDS: usize = 5;
/// Below this ratio to the best peer a loss is a cliff, which no shape may have.
const CLIFF: f64 = 0.9;

/// What one contender achieved on one product.
struct Score {
    contender: String,
    library: Option<String>,
    ours: bool,
    alone: bool,
    packed: bool,
    seconds: f64,
}

impl Score {
    fn new<T>(contender: &dyn Contender<T>, seconds: f64) -> Self {
        Self {
            contender: contender.name().to_owned(),
            library: contender.library().map(str::to_owned),
            ours: contender.is_ours(),
            alone: contender.is_alone(),
            packed: contender.is_packed(),
            seconds,
        }
    }
}

/// Runs the whole comparison and prints it.
///
/// # Errors
/// A library cannot be loaded, no case has the name that is asked for, or a contender's result is wrong.
pub fn run<T: Real>(options: &Options) -> Result<(), String> {
    let shapes = chosen(options)?;
    let contenders = contenders::all::<T>(options.threads, &options.blas)?;
    let mut peak = Peak::new::<T>(options.threads);
    let mut reads = Bandwidths::new(options.threads);
    let _beside = Beside::new(options.beside);
    let mut rows = Vec::new();
    if options.json {
        for shape in &shapes {
            let scores = scores(options, shape, &contenders, &mut peak)?;
            let limit = reads.limit_again(shape, size_of::<T>(), peak.gflops());
            for score in &scores {
                println!("{}", json_line::<T>(options, shape, score, &peak, &limit));
            }
            rows.push(dots(shape, &scores, peak.gflops(), &limit));
        }
        return draw::<T>(options, &peak, rows);
    }
    println!(
        "{} products, {}; FMA peak {} GFLOP/s at the start; GFLOP/s, higher is better",
        T::NAME,
        conditions::in_words(options),
        figure(peak.gflops())
    );
    println!("reads, all threads together: {reads}");
    println!("%peak, %limit and ratio are of deltarule, to the best peer whose weights are not packed beforehand,");
    println!("then of prepacked, to the best of all peers;");
    if options.threads > 1 {
        println!("alone is deltarule on one thread; × alone is how many times as fast the team is;");
    }
    println!(
        "< marks a loss, << a cliff, below {CLIFF}; gemmkit packed writes C column by column, as it must, everybody else row by row;"
    );
    println!(
        "where B is one column, those that pack beforehand compute the transposed product, with the transpose of A packed"
    );
    for contender in contenders.iter().filter(|contender| !contender.is_packed()) {
        contender.library().inspect(|library| println!("{}: {library}", contender.name()));
    }
    println!();
    let mut header = vec!["m n k"];
    header.extend(contenders.iter().map(|contender| contender.name()));
    header.extend((options.threads > 1).then_some("× alone"));
    header.extend(["limit", "%peak", "%limit", "ratio", "best unpacked peer"]);
    header.extend(["prepacked %peak", "%limit", "ratio", "best of all peers"]);
    let table = begin(&header, shapes.iter().map(|shape| shape.name.as_str()));
    for shape in &shapes {
        let scores = scores(options, shape, &contenders, &mut peak)?;
        let limit = reads.limit_again(shape, size_of::<T>(), peak.gflops());
        println!("{}", table.row(&cells(shape, &scores, &mut peak, &limit)));
        rows.push(dots(shape, &scores, peak.gflops(), &limit));
    }
    peak.print_notes();
    println!("{MEANING}");
    draw::<T>(options, &peak, rows)
}

fn chosen(options: &Options) -> Result<Vec<Shape>, String> {
    let set = if options.shapes.is_empty() { options.set.unwrap_or_default().shapes() } else { options.shapes.clone() };
    named(set, &options.only, |shape| &shape.name)
}

fn scores<T: Real>(
    options: &Options,
    shape: &Shape,
    all: &[Box<dyn Contender<T>>],
    peak: &mut Peak,
) -> Result<Vec<Score>, String> {
    let problem = Problem::<T>::placed(shape.clone(), options.placement);
    let turned = is_turned(shape, true).then(|| turned(&problem));
    let mut prepared = Vec::new();
    for contender in all {
        let its = turned.as_ref().filter(|_| is_turned(shape, contender.is_packed())).unwrap_or(&problem);
        prepared.push(Prepared::new(contender.as_ref(), its)?);
    }
    prepared.iter_mut().try_for_each(Prepared::verify)?;
    let seconds = seconds(options, &mut prepared, peak);
    prepared.iter_mut().try_for_each(Prepared::verify)?;
    let contenders = prepared.iter().map(Prepared::contender).zip(seconds);
    Ok(contenders.map(|(contender, seconds)| Score::new(contender, seconds)).collect())
}

/// Whether a contender that has B packed, or has not, computes the transposed product. Whoever packs B packs the matrix, not the one column
/// that it is multiplied by.
fn is_turned(shape: &Shape, packed: bool) -> bool {
    packed && shape.n == 1
}

/// Seconds a call, of each; the peak is measured in turns with them.
fn seconds<T: Real>(options: &Options, prepared: &mut [Prepared<'_, T>], peak: &mut Peak) -> Vec<f64> {
    let mut timed: Vec<_> = prepared.iter_mut().map(|one| options.timed(timed(one))).collect();
    let Ok(()) = interleaved(&mut timed, options.budget(), LEAST_ROUNDS, options.threads > 1, || peak.between_rounds());
    timed.iter().map(Timed::seconds).collect()
}

/// What fails is kept, and found by the check after the timing.
fn timed<'a, T: Real>(one: &'a mut Prepared<'_, T>) -> Timed<'a, Infallible> {
    Timed::new(|calls| {
        one.run(calls);
        Ok(())
    })
}

fn json_line<T: Element>(options: &Options, shape: &Shape, score: &Score, peak: &Peak, limit: &Limit) -> String {
    let gflops = shape.flops() / score.seconds / 1e9;
    let library = score.library.as_deref().map(|library| format!(",\"library\":{}", json_string(library)));
    format!(
        "{{\"case\":{},\"m\":{},\"n\":{},\"k\":{},\"layout\":\"{}\",\"dtype\":\"{}\",\"contender\":{}{}{},\
         \"us\":{:.4},\"gflops\":{:.3},\"peak_fraction\":{:.4},\"peak_gflops\":{:.3},\
         \"limit\":\"{}\",\"limit_fraction\":{:.4},{}}}",
        json_string(&shape.name),
        shape.m,
        shape.n,
        shape.k,
        shape.layout,
        T::NAME,
        json_string(&score.contender),
        library.unwrap_or_default(),
        if is_turned(shape, score.packed) { ",\"transposed\":true" } else { "" },
        score.seconds * 1e6,
        gflops,
        gflops / peak.gflops(),
        peak.gflops(),
        limit.bound,
        gflops / limit.gflops,
        conditions::in_json(options)
    )
}

/// The row of the table: GFLOP/s of each, then each of ours against the best of its peers.
fn cells(shape: &Shape, scores: &[Score], peak: &mut Peak, limit: &Limit) -> Vec<String> {
    let gflops = |score: &Score| shape.flops() / score.seconds / 1e9;
    let mut cells = vec![shape.name.clone()];
    cells.extend(scores.iter().map(|score| figure(gflops(score))));
    cells.extend(times_alone(scores).map(ratio));
    cells.push(limit.bound.to_string());
    for ours in scores.iter().filter(|score| score.ours && !score.alone) {
        let best = best_peer(scores, ours.packed);
        cells.push(peak.percent(shape.flops(), ours.seconds));
        cells.push(format!("{:.1}", 100.0 * gflops(ours) / limit.gflops));
        cells.push(best.map_or_else(String::new, |best| ratio(best.seconds / ours.seconds)));
        cells.push(best.map_or_else(String::new, |best| best.contender.clone()));
    }
    cells
}

/// The row of the picture: our calls on all threads, and the peers' plain ones.
fn dots(shape: &Shape, scores: &[Score], peak_gflops: f64, limit: &Limit) -> DotRow {
    let share = |score: &Score| shape.flops() / score.seconds / 1e9 / peak_gflops;
    let peer = |score: &Score| Peer { name: score.contender.clone(), share: share(score) };
    let ours = |packed: bool| {
        let ours = scores.iter().find(|score| score.ours && !score.alone && score.packed == packed)?;
        Some(Ours { share: share(ours), best_peer: best_peer(scores, packed).map(peer) })
    };
    DotRow {
        name: shape.name.clone(),
        limit: Some(limit.gflops / peak_gflops),
        peers: scores.iter().filter(|score| !score.ours && !score.packed).map(share).collect(),
        plain: ours(false),
        packed: ours(true),
    }
}

/// Draws all rows, where a picture is asked for.
fn draw<T: Element>(options: &Options, peak: &Peak, rows: Vec<DotRow>) -> Result<(), String> {
    let Some(file) = &options.picture else { return Ok(()) };
    let words = conditions::in_words(options);
    let subtitle = format!("{}, {words}; FMA peak {} GFLOP/s", T::NAME, figure(peak.gflops()));
    let picture = DotPicture { title: "Products beside other libraries".to_owned(), subtitle, rows };
    file.write(&picture.draw()).map_err(|error| error.to_string())
}

/// How many times as fast the plain call is as alone, where both were timed.
fn times_alone(scores: &[Score]) -> Option<f64> {
    let alone = scores.iter().find(|score| score.alone)?;
    let together = scores.iter().find(|score| score.ours && !score.alone)?;
    Some(alone.seconds / together.seconds)
}

/// The fastest peer; those that pack their weights beforehand count where ours does, too.
fn best_peer(scores: &[Score], packed: bool) -> Option<&Score> {
    let peers = scores.iter().filter(|score| !score.ours && (packed || !score.packed));
    peers.min_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

fn ratio(ratio: f64) -> String {
    let mark = match ratio {
        ratio if ratio < CLIFF => "<<",
        ratio if ratio < 1.0 => "<",
        _ => "",
    };
    format!("{mark}{ratio:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Layout;
    use deltarule_cli::bench::limit::Bound;

    #[test]
    fn losses_are_marked_and_cliffs_twice() {
        assert_eq!([1.0, 0.99, 0.9, 0.85].map(ratio), ["1.00", "<0.99", "<0.90", "<<0.85"]);
    }

    #[test]
    fn packed_peers_are_set_against_packed_weights_alone() {
        let score = |contender: &str, ours, packed, seconds| {
            let contender = contender.to_owned();
            Score { contender, library: None, ours, alone: false, packed, seconds }
        };
        let scores = [
            score("ours", true, false, 1.0),
            score("plain", false, false, 3.0),
            score("slow", false, false, 4.0),
            score("packed", false, true, 2.0),
        ];
        let best = |packed| best_peer(&scores, packed).unwrap().contender.as_str();
        assert_eq!([best(false), best(true)], ["plain", "packed"]);
        assert_eq!(times_alone(&scores), None);
    }

    #[test]
    fn a_row_of_the_picture_has_every_plain_peer_and_ours_on_all_threads() {
        let score = |contender: &str, ours, alone, packed, seconds| {
            let contender = contender.to_owned();
            Score { contender, library: None, ours, alone, packed, seconds }
        };
        let scores = [
            score("ours", true, false, false, 2.0),
            score("ours alone", true, true, false, 3.0),
            score("ours packed", true, false, true, 1.0),
            score("fast", false, false, false, 2.5),
            score("slow", false, false, false, 5.0),
            score("packed", false, false, true, 1.25),
        ];
        // A billion flops, at a peak of one billion a second.
        let shape = Shape::new("a", [1000, 1000, 500], Layout::NN);
        let row = dots(&shape, &scores, 1.0, &Limit { bound: Bound::Fma, gflops: 1.0 });
        let ours = |share, name: &str, its| {
            let best_peer = Some(Peer { name: name.to_owned(), share: its });
            Some(Ours { share, best_peer })
        };
        assert_eq!((row.limit, row.peers), (Some(1.0), vec![0.4, 0.2]));
        assert_eq!((row.plain, row.packed), (ours(0.5, "fast", 0.4), ours(1.0, "packed", 0.8)));
    }

    #[test]
    fn a_team_is_set_against_one_thread_of_the_same() {
        let score = |ours, alone, packed, seconds| {
            let contender = String::new();
            Score { contender, library: None, ours, alone, packed, seconds }
        };
        let scores = [
            score(false, false, false, 9.0),
            score(true, false, false, 2.0),
            score(true, true, false, 3.0),
            score(true, false, true, 1.0),
        ];
        assert_eq!(times_alone(&scores), Some(1.5));
        assert_eq!(best_peer(&scores, true).unwrap().seconds, 9.0);
    }
}
