//! The crate `matrixmultiply`, called through `ndarray`, whose products are its own behind safe views.
//!
//! It reads its number of threads from the environment at its first product, and nowhere else. A process cannot safely
//! change its own environment once threads may run, so where the variable says something else the program, or a bench,
//! starts itself once more with the right one.

use std::env::{args_os, current_exe, var};
use std::process::Command;

use deltarule_kernels::Element;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar, ShapeBuilder, ShapeError};

use super::problem::Problem;
use super::shapes::Shape;
use crate::failure::Failure;

/// Where `matrixmultiply` looks for its number of threads.
const THREADS_VARIABLE: &str = "MATMUL_NUM_THREADS";

/// The most threads that it uses, whatever it is told.
pub const MOST_THREADS: usize = 4;

/// The number of threads that the peer is told to use in this process, if it is.
pub fn told() -> Option<usize> {
    var(THREADS_VARIABLE).ok()?.parse().ok().filter(|&threads| threads > 0)
}

/// Runs this same command in a process in which the peer is told to use `threads` threads, to its end.
///
/// # Errors
/// The command cannot be started, or fails.
pub fn run_again_told(threads: usize) -> Result<(), Failure> {
    let again = |error: std::io::Error| Failure::Other(format!("the program cannot start itself once more: {error}"));
    let status = Command::new(current_exe().map_err(again)?)
        .args(args_os().skip(1))
        .env(THREADS_VARIABLE, threads.to_string())
        .status()
        .map_err(again)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Other(format!("the benchmark ended early: {status}")))
}

/// The element types that both sides compute in.
pub(super) trait Real: Element + LinalgScalar {}
impl Real for f32 {}
impl Real for f64 {}

/// C = A B, with C row by row.
pub(super) fn multiply<T: Real>(problem: &Problem<T>, c: &mut [T]) -> Result<(), ShapeError> {
    let Shape { m, n, k, .. } = problem.shape;
    let a = ArrayView2::from_shape((m, k).strides(problem.a_strides()), &problem.a)?;
    let b = ArrayView2::from_shape((k, n).strides(problem.b_strides()), &problem.b)?;
    general_mat_mul(T::ONE, &a, &b, T::ZERO, &mut ArrayViewMut2::from_shape((m, n), c)?);
    Ok(())
}
