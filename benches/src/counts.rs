//! Criterion's benches on one thread and on two, in a process each, in which `matrixmultiply` has as many.

use deltarule_cli::bench::peer::{MOST_THREADS, run_again_told, told};
use std::process::ExitCode;
use std::thread::available_parallelism;

/// Calls `bench` with 1, and where this machine runs two threads at once with 2, each time in a process of its own. Where `matrixmultiply` is told a
/// number already, by `MATMUL_NUM_THREADS`, with that alone.
pub fn on_each(bench: fn(threads: usize)) -> ExitCode {
    match told() {
        Some(threads) if threads > MOST_THREADS => {
            failed(&format!("matrixmultiply uses {MOST_THREADS} threads at most"))
        }
        Some(threads) => {
            bench(threads);
            ExitCode::SUCCESS
        }
        None => {
            let most = available_parallelism().map_or(1, |cores| cores.get().min(2));
            (1..=most)
                .try_for_each(run_again_told)
                .map_or_else(|error| failed(&error.to_string()), |()| ExitCode::SUCCESS)
        }
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
