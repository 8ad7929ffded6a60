//! A square of a matrix, transposed in registers; at the edges of the matrix a partial one.

use crate::element::Element;
use crate::isa::Simd;
use std::mem::MaybeUninit;

/// Elements of the largest square, 16 × 16.
const SQUARE: usize = 256;

/// LANES × LANES elements, vector after vector. Whole vectors are written before they are read, so nothing is cleared first.
#[repr(align(64))]
pub(crate) struct Square<T>(MaybeUninit<[T; SQUARE]>);

impl<T> Square<T> {
    pub(crate) const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    pub(crate) fn start(&self) -> *const T {
        self.0.as_ptr().cast()
    }

    pub(crate) fn start_mut(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

/// The transpose of `width` runs of `depth` elements, `stride` apart; what is missing to the whole square is zero.
///
/// # Safety
/// The runs are valid for reads.
#[inline(always)]
pub(crate) unsafe fn load_transposed<T: Element, S: Simd<T>>(
    simd: S,
    from: *const T,
    stride: usize,
    (width, depth): (usize, usize),
) -> S::Square {
    const { assert!(S::LANES * S::LANES <= SQUARE) };
    if width == S::LANES && depth == S::LANES {
        // SAFETY: a whole square (caller).
        return unsafe { simd.load_transposed(from, stride) };
    }
    let mut runs = const { Square::<T>::new() };
    for j in 0..S::LANES {
        let mut lanes = simd.splat(T::ZERO);
        if j < width {
            // SAFETY: run j has `depth` elements (caller).
            lanes = unsafe { simd.load_partial(from.wrapping_add(j * stride), depth) };
        }
        // SAFETY: a whole vector of the square.
        unsafe { simd.store(runs.start_mut().wrapping_add(j * S::LANES), lanes) };
    }
    // SAFETY: a square, all written.
    unsafe { simd.load_transposed(runs.start(), S::LANES) }
}

/// The same, stored in rows `to_row` apart.
///
/// # Safety
/// The runs are valid for reads, `to` for writes of LANES rows of LANES elements.
#[inline(always)]
pub(crate) unsafe fn store_transposed<T: Element, S: Simd<T>>(
    simd: S,
    from: *const T,
    stride: usize,
    shape: (usize, usize),
    to: *mut T,
    to_row: usize,
) {
    // SAFETY: the runs (caller).
    let square = unsafe { load_transposed(simd, from, stride, shape) };
    for (j, &row) in square.as_ref().iter().enumerate() {
        // SAFETY: row j (caller).
        unsafe { simd.store(to.wrapping_add(j * to_row), row) };
    }
}
