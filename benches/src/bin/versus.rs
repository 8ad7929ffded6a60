//! `versus`: deltarule beside its peers, in one process and one run.

use deltarule_benches::options::{Dtype, Options, usage};
use deltarule_benches::{fits, products, steps};
use deltarule_kernels::Isa;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments) {
        Ok(options) => run(&options).map_or_else(|error| failed(&error, 1), |()| ExitCode::SUCCESS),
        Err(error) => failed(&error, 2),
    }
}

fn failed(error: &str, status: u8) -> ExitCode {
    eprintln!("versus: {error}");
    ExitCode::from(status)
}

fn run(options: &Options) -> Result<(), String> {
    Isa::requested().map_err(|e| e.to_string())?;
    set_threads(options.threads)?;
    match (options.command.as_str(), options.dtype) {
        ("step", _) => steps::run(options),
        ("fit", _) => fits::run(options),
        (_, Dtype::F32) => products::run::<f32>(options),
        (_, Dtype::F64) => products::run::<f64>(options),
    }
}

/// One number of threads for everyone: the pool that the rayon-based crates share, and the variables that
/// `matrixmultiply` and the OpenMP libraries read when they first run.
///
/// The threads of MKL would spin for 200 ms after a call, those of OpenBLAS for as long as there are other contenders, on the core that
/// these need (256³ on two threads, everybody's: 110 for 150 to 230 GFLOP/s); for a millisecond, and so between calls of one batch, they
/// still do.
fn set_threads(threads: usize) -> Result<(), String> {
    // Milliseconds, and the binary logarithm of turns of the clock.
    for (name, value) in [("KMP_BLOCKTIME", "1"), ("OPENBLAS_THREAD_TIMEOUT", "21")] {
        if std::env::var_os(name).is_none() {
            // SAFETY: as below.
            unsafe { std::env::set_var(name, value) };
        }
    }
    for name in ["MATMUL_NUM_THREADS", "OMP_NUM_THREADS"] {
        // SAFETY: nothing has been started yet: this is the only thread.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|e| e.to_string())
}
