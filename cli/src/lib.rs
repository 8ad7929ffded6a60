//! The program `deltarule` as a library, so that its loaders can be tested and fuzzed without a process, and the benches time with its
//! clock.
//!
//! ```text
//! main ─▶ run ─▶ train │ eval │ predict │ info │ fold │ cpu │ bench │ compare
//!                  │        │       │
//!                  └─ data ─┴───────┘   pictures and reports at the end
//! ```
//! The program is a shell: it finds data, chooses settings and shows results. All learning is the `deltarule` crate's.

#![forbid(unsafe_code)]

pub mod any_model;
pub mod arguments;
pub mod bench;
mod by_class;
pub mod choice;
mod compare;
mod cpu;
pub mod data;
mod data_options;
mod evaluate;
pub mod failure;
mod fingerprint;
mod fold;
mod info;
mod machine;
mod narration;
mod not_finite;
mod out_folder;
mod outcome;
mod part_report;
mod parts;
pub mod picture;
pub mod picture_file;
mod positive;
mod predict;
mod progress;
mod reading;
mod report;
mod resume;
mod rounding;
mod say;
mod settings;
mod train;
mod training_data;
mod unfinished;

use arguments::{Arguments, Command};
use failure::Failure;

/// Does what the command line asks for.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Train(arguments) => train::run(arguments),
        Command::Eval(arguments) => evaluate::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Info(arguments) => info::run(arguments),
        Command::Fold(arguments) => fold::run(arguments),
        Command::Cpu(arguments) => cpu::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
    }
}
