//! The program `deltarule` as a library, so that its loaders can be tested and fuzzed without a process.

pub mod data;
pub mod picture;
