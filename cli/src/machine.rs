//! The machine under a command: the instruction set that was asked for, the threads, and the best they can do.

use std::error::Error;
use std::time::{Duration, Instant};

use deltarule::{Element, Isa};
use deltarule_kernels::machine::{Level, peak_gflops, read_bandwidth};
use rayon::ThreadPoolBuildError;

use crate::failure::Failure;

/// How long the peak is looked for: long enough that clocks rise and a short disturbance passes.
const PEAK_SEARCH: Duration = Duration::from_millis(150);

/// How long the bandwidth of a level is: that of memory takes as long once.
const BANDWIDTH_SEARCH: Duration = Duration::from_millis(50);

/// Threads that may be asked for in any case, and so many times the cores of a machine: more help nobody, and thousands take minutes to be started.
const MOST_THREADS: usize = 64;
const MOST_THREADS_A_CORE: usize = 4;

/// The number of threads asked for, or one a core.
pub(crate) fn threads(wanted: Option<usize>) -> usize {
    wanted.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Refuses an instruction set that the environment asks for but the machine lacks, and makes the thread pool.
pub(crate) fn prepare(wanted: Option<usize>) -> Result<(), Failure> {
    Isa::requested().map_err(|error| Failure::Misuse(error.to_string()))?;
    let threads = threads(wanted);
    if threads == 0 {
        return Err(Failure::Misuse("--threads 0: at least one thread is needed".to_string()));
    }
    let cores = self::threads(None);
    let most = MOST_THREADS.max(cores.saturating_mul(MOST_THREADS_A_CORE));
    if threads > most {
        return Err(Failure::Misuse(format!(
            "--threads {threads}: this machine runs {cores} at once; ask for at most {most}"
        )));
    }
    made(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global(), threads)
}

/// Whether there is a pool. It can be made only once in a process: a second command in one process uses the first one's, and that error alone has
/// no cause beneath it. Where the system gave too few threads there is none, and whoever asked for it would panic.
fn made(pool: Result<(), ThreadPoolBuildError>, threads: usize) -> Result<(), Failure> {
    match pool {
        Err(error) if error.source().is_some() => Err(Failure::Other(format!(
            "{threads} threads cannot be made: {error}; ask for fewer with --threads, or raise the system's limits of memory and processes"
        ))),
        _ => Ok(()),
    }
}

/// The measured multiply-add peak of `threads` threads on the instruction set in use, in GFLOP/s.
pub(crate) fn peak<T: Element>(threads: usize) -> f64 {
    peak_within::<T>(threads, PEAK_SEARCH)
}

/// The same, looked for as long as is said, at least once.
pub(crate) fn peak_within<T: Element>(threads: usize, search: Duration) -> f64 {
    best_within(search, || Some(peak_gflops::<T>(Isa::current(), threads))).unwrap_or_default()
}

/// The measured bandwidth of a level that `threads` threads read at once on the instruction set in use, in GB/s; `None` where the level cannot
/// be told from the one within.
pub(crate) fn bandwidth(level: Level, threads: usize) -> Option<f64> {
    best_within(BANDWIDTH_SEARCH, || read_bandwidth(Isa::current(), level, threads))
}

/// The best of measurements for as long as is said, at least of one.
fn best_within(search: Duration, measure: impl Fn() -> Option<f64>) -> Option<f64> {
    let start = Instant::now();
    let mut best = measure()?;
    while start.elapsed() < search {
        best = best.max(measure()?);
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rayon::ThreadPoolBuilder;

    use super::*;

    #[test]
    fn a_pool_that_the_system_refuses_is_a_failure() {
        let refused = ThreadPoolBuilder::new().num_threads(300).spawn_handler(|_| Err(io::Error::other("no memory")));
        let message = made(refused.build().map(drop), 300).expect_err("there is no pool").to_string();
        assert!(
            message.starts_with("300 threads cannot be made: no memory; ask for fewer with --threads"),
            "{message}"
        );
    }

    #[test]
    fn threads_that_help_nobody_are_refused() {
        let cores = threads(None);
        for wanted in [0, MOST_THREADS.max(MOST_THREADS_A_CORE * cores) + 1, usize::MAX] {
            let refused = prepare(Some(wanted)).expect_err("none, or too many");
            let said = refused.to_string();
            assert!(refused.status() == 2 && said.starts_with(&format!("--threads {wanted}: ")), "{said}");
        }
    }

    #[test]
    fn a_pool_that_there_is_serves_again() {
        for threads in [1, 2] {
            assert!(prepare(Some(threads)).is_ok(), "{threads} threads");
        }
    }
}
