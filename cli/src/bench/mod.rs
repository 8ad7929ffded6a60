//! `deltarule bench`: how fast this machine is here, told in half a minute.
//!
//! ```text
//! bench gemm   products.rs (which)  ─▶ gemm.rs (verified, timed beside matrixmultiply, a row each)
//! bench step   cases.rs (which)     ─▶ step.rs (timed against the products' own limit, a row each)
//!                                        both on measure.rs: rounds in turn, the minimum kept
//! ```
//! What is public is what the repository's `versus`, which has more peers, times with too.
//!
//! Rows appear as they are measured. Everything is set beside the multiply-add peak, which peak.rs measures again and again, and products beside
//! what limit.rs knows of the caches that they read from, too. `--picture` draws the same rows, at the end.

pub mod cases;
mod gemm;
pub mod limit;
pub mod measure;
mod peak;
pub mod peer;
pub mod placed;
pub mod problem;
mod products;
pub mod shapes;
mod step;
pub mod table;

use std::time::Duration;

use crate::arguments::{BenchArguments, BenchOptions, BenchSubject};
use crate::failure::Failure;
use crate::picture::DotPicture;
use crate::say::counted;

/// Runs the command.
pub(crate) fn run(arguments: &BenchArguments) -> Result<(), Failure> {
    let (BenchSubject::Gemm(options) | BenchSubject::Step(options)) = &arguments.subject;
    refuse_too_many_threads(options.threads)?;
    crate::machine::prepare(Some(options.threads))?;
    match &arguments.subject {
        BenchSubject::Gemm(_) => gemm::run(options),
        BenchSubject::Step(_) => step::run(options),
    }
}

/// With more threads than cores neither the peak nor any time would mean anything.
fn refuse_too_many_threads(threads: usize) -> Result<(), Failure> {
    let cores = crate::machine::threads(None);
    if threads <= cores {
        return Ok(());
    }
    Err(Failure::Misuse(format!("--threads {threads}: this machine runs {cores} at once; ask for at most that")))
}

/// The rows whose name holds the text of `--only`.
///
/// # Errors
/// None does: says so, and which there are.
pub fn named<T>(rows: Vec<T>, only: &str, name: impl Fn(&T) -> &str) -> Result<Vec<T>, String> {
    let names = rows.iter().map(&name).collect::<Vec<_>>().join(", ");
    let kept: Vec<T> = rows.into_iter().filter(|row| name(row).contains(only)).collect();
    match kept.is_empty() {
        false => Ok(kept),
        true => Err(format!("--only: no row is named ‘{only}’; there are: {names}")),
    }
}

/// Writes the picture, where one is asked for.
fn draw(options: &BenchOptions, picture: impl FnOnce() -> DotPicture) -> Result<(), Failure> {
    options.picture.as_ref().map_or(Ok(()), |file| file.write(&picture().draw()))
}

/// How long each row is timed.
fn budget(options: &BenchOptions, usual: f64) -> Duration {
    Duration::from_secs_f64(options.seconds.unwrap_or(usual))
}

/// A fraction in per cent.
fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

/// `2 threads`, `1 thread`.
pub fn threads_in_words(threads: usize) -> String {
    counted(threads as u64, "thread", "threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.8746), "87.5%");
        assert_eq!([1, 2].map(threads_in_words), ["1 thread", "2 threads"]);
    }

    #[test]
    fn only_rows_that_there_are() {
        let of = |only| named(vec!["fwd 1", "fwd 8", "dw"], only, |row| row);
        assert_eq!(of("fwd"), Ok(vec!["fwd 1", "fwd 8"]));
        assert_eq!(of("").map(|all| all.len()), Ok(3));
        assert_eq!(of("dx"), Err("--only: no row is named ‘dx’; there are: fwd 1, fwd 8, dw".to_owned()));
    }
}
