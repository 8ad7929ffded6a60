//! The machine under a command: the instruction set that was asked for, the threads, and the best they can do.

use std::time::{Duration, Instant};

use deltarule::{Element, Isa};
use deltarule_kernels::machine::peak_gflops;

use crate::failure::Failure;

/// How long the peak is looked for: long enough that clocks rise and a short disturbance passes.
const PEAK_SEARCH: Duration = Duration::from_millis(150);

/// Refuses an instruction set that the environment asks for but the machine lacks, and makes the thread pool.
pub(crate) fn prepare(threads: Option<usize>) -> Result<(), Failure> {
    Isa::requested().map_err(|error| Failure::Misuse(error.to_string()))?;
    let threads = crate::settings::threads(threads);
    if threads == 0 {
        return Err(Failure::Misuse("--threads 0: at least one thread is needed".to_string()));
    }
    // The pool can be made only once in a process; a second command in one process uses the first one's.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    Ok(())
}

/// The measured multiply-add peak of `threads` threads on the instruction set in use, in GFLOP/s.
pub(crate) fn peak<T: Element>(threads: usize) -> f64 {
    let start = Instant::now();
    let mut best = 0.0f64;
    loop {
        best = best.max(peak_gflops::<T>(Isa::current(), threads));
        if start.elapsed() >= PEAK_SEARCH {
            return best;
        }
    }
}
