//! Criterion's benches on one thread and on two, in a process each.
//!
//! `matrixmultiply` reads its number of threads from the environment at its first product, and nowhere else. So a bench starts itself once for every
//! count, and each of these processes finds its own there.

use std::env::{args_os, current_exe, var};
use std::io;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

/// Where `matrixmultiply` looks for its number of threads.
const THREADS_VARIABLE: &str = "MATMUL_NUM_THREADS";

/// Calls `bench` with 1, and where this machine runs two threads at once with 2, each time in a process in which `matrixmultiply` has as many. Where the
/// environment says a number already, with that alone.
pub fn on_each(bench: fn(threads: usize)) -> ExitCode {
    if let Some(threads) = var(THREADS_VARIABLE).ok().and_then(|told| told.parse().ok()).filter(|&threads| threads > 0)
    {
        bench(threads);
        return ExitCode::SUCCESS;
    }
    let most = available_parallelism().map_or(1, |cores| cores.get().min(2));
    match (1..=most).try_for_each(begin) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the bench, started once more for its number of threads: {error}");
            ExitCode::FAILURE
        }
    }
}

/// This same bench with a number of threads, to its end.
fn begin(threads: usize) -> io::Result<()> {
    let mut bench = Command::new(current_exe()?);
    let status = bench.args(args_os().skip(1)).env(THREADS_VARIABLE, threads.to_string()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}
