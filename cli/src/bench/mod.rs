//! `deltarule bench`: how fast this machine is here, told in half a minute.
//!
//! ```text
//! bench gemm   products.rs (which)  ─▶ gemm.rs (verified, timed beside matrixmultiply, a row each)
//! bench step   cases.rs (which)     ─▶ step.rs (timed against the products' own limit, a row each)
//!                                        both on measure.rs: rounds in turn, the minimum kept
//! ```
//! Rows appear as they are measured. Everything is set beside the multiply-add peak measured just before.

mod cases;
mod gemm;
mod measure;
mod peer;
mod products;
mod step;

use crate::arguments::{BenchArguments, BenchOptions, BenchSubject};
use crate::failure::Failure;
use crate::say::say;

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
    let cores = crate::settings::threads(None);
    if threads <= cores {
        return Ok(());
    }
    Err(Failure::Misuse(format!("--threads {threads}: this machine runs {cores} at once; ask for at most that")))
}

/// The rows whose name holds the text of `--only`.
fn chosen<T>(rows: Vec<T>, options: &BenchOptions, name: impl Fn(&T) -> &str) -> Result<Vec<T>, Failure> {
    let names = rows.iter().map(&name).collect::<Vec<_>>().join(", ");
    let kept: Vec<T> = rows.into_iter().filter(|row| name(row).contains(&options.only)).collect();
    if kept.is_empty() {
        return Err(Failure::Misuse(format!("--only: no row is named ‘{}’; there are: {names}", options.only)));
    }
    Ok(kept)
}

/// Prints a row: the name flush left in `width` columns, the others flush right under their titles.
fn print_row(width: usize, titles: &[&str], cells: &[String]) -> Result<(), Failure> {
    let mut line = format!("{:<width$}", cells[0]);
    for (title, cell) in titles.iter().zip(cells).skip(1) {
        let wide = title.chars().count().max(7);
        line.push_str(&format!("  {cell:>wide$}"));
    }
    say(&format!("{}\n", line.trim_end()))
}

/// Prints the titles; returns the width of the first column, in which every name fits.
fn print_titles<'a>(titles: &[&str], names: impl Iterator<Item = &'a str>) -> Result<usize, Failure> {
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    print_row(width, titles, &titles.iter().map(|&title| title.to_owned()).collect::<Vec<_>>())?;
    Ok(width)
}

/// Three digits that matter: 4.61, 27.6, 108.
fn figure(value: f64) -> String {
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// A fraction in per cent.
fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

/// `2 threads`, `1 thread`.
fn threads_in_words(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([4.613, 27.64, 108.4].map(figure), ["4.61", "27.6", "108"]);
        assert_eq!(percent(0.8746), "87.5%");
        assert_eq!([1, 2].map(threads_in_words), ["1 thread", "2 threads"]);
    }
}
