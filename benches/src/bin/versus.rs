//! `versus`: deltarule beside its peers, in one process and one run.

use deltarule_benches::options::{Dtype, Options, USAGE};
use deltarule_benches::{fits, products, steps};
use deltarule_kernels::Isa;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{USAGE}");
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
/// MKL's threads would spin for 200 ms after a call, on the core that the next contender needs; between calls of one batch they still
/// do.
fn set_threads(threads: usize) -> Result<(), String> {
    if std::env::var_os("KMP_BLOCKTIME").is_none() {
        // SAFETY: as below.
        unsafe { std::env::set_var("KMP_BLOCKTIME", "1") };
    }
    for name in ["MATMUL_NUM_THREADS", "OMP_NUM_THREADS"] {
        // SAFETY: nothing has been started yet: this is the only thread.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|e| e.to_string())
}
