//! The crate `matrixmultiply`, called through `ndarray`, whose products in `f32` are its own behind safe views.
//!
//! It reads its number of threads from the environment at its first product, and nowhere else. A process cannot safely
//! change its own environment once threads may run, so where the variable says something else the program starts
//! itself once more with the right one.

use std::env::{args_os, current_exe, var};
use std::process::Command;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder, ShapeError};

use super::products::Strided;
use crate::failure::Failure;

/// Where `matrixmultiply` looks for its number of threads.
const THREADS_VARIABLE: &str = "MATMUL_NUM_THREADS";

/// The most threads that it uses, whatever it is told.
pub(super) const MOST_THREADS: usize = 4;

/// Whether the peer will use `threads` threads in this process.
pub(super) fn is_told(threads: usize) -> bool {
    var(THREADS_VARIABLE).is_ok_and(|told| told == threads.to_string())
}

/// Runs this same command in a process in which the peer uses `threads` threads.
pub(super) fn run_again_told(threads: usize) -> Result<(), Failure> {
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

/// C = A B, with C row by row.
pub(super) fn multiply(a: Strided<'_>, b: Strided<'_>, c: &mut [f32]) -> Result<(), ShapeError> {
    let mut c = ArrayViewMut2::from_shape((a.rows, b.cols), c)?;
    general_mat_mul(1.0, &array(a)?, &array(b)?, 0.0, &mut c);
    Ok(())
}

fn array(matrix: Strided<'_>) -> Result<ArrayView2<'_, f32>, ShapeError> {
    let strides = (matrix.row_stride, matrix.col_stride);
    ArrayView2::from_shape((matrix.rows, matrix.cols).strides(strides), matrix.data)
}
