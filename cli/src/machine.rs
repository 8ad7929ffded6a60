//! The machine under a command: the instruction set that was asked for, and the threads.

use deltarule::Isa;

use crate::failure::Failure;

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
