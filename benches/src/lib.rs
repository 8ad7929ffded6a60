//! Benchmarks of deltarule against its peers: what is timed, how, and how it is shown.
//!
//! The program `versus` times products (`versus gemm`), training steps (`versus step`) and epochs (`versus fit`) side
//! by side in one process and one run, since only ratios taken that way mean anything. The criterion benches beside it
//! use the same sets, on one thread and on two. The nets, the factors, the place of C, the clock and the columns are those of `deltarule bench`.

pub mod baseline;
pub mod beside;
pub mod cases;
pub mod conditions;
pub mod contenders;
pub mod counts;
pub mod fits;
pub mod options;
pub mod peak;
pub mod phases;
pub mod placement;
pub mod prepared;
pub mod problem;
pub mod products;
pub mod reading;
pub mod shapes;
pub mod steps;
pub mod table;

pub use deltarule_cli::bench::measure;
