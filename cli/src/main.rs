//! The program `deltarule`; all of it is in the library beside it.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use deltarule_cli::arguments::Arguments;
use deltarule_cli::failure::Failure;

/// Status 0 for success, 1 for a failure, 2 for misuse (clap's own refusals too).
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match deltarule_cli::run(&arguments) {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody can be told, the status still says it.
            let _ = writeln!(io::stderr().lock(), "error: {}", failure.words());
            ExitCode::from(failure.status())
        }
    }
}
