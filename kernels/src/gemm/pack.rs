//! Packed lines: the layout in which a right-hand side is fastest to read, and in which weights live.
//!
//! ```text
//!   B (k × n)                 line 0            line 1         last line
//!   ┌────────┬────────┬──┐    ┌────────┐        ┌────────┐     ┌──┬─────┐
//!   │ row 0  │        │  │    │ row 0  │        │ row 0  │     │  │  0  │
//!   │ row 1  │        │  │ ─▶ │ row 1  │        │ row 1  │     │  │  0  │
//!   │   ⋮    │        │  │    │   ⋮    │        │   ⋮    │     │  │  ⋮  │
//!   └────────┴────────┴──┘    └────────┘        └────────┘     └──┴─────┘
//! ```
//! A *line* is as many columns as fill one cache line (16 `f32`, 8 `f64`), all k rows of it one after the other. The width
//! does not depend on the instruction set, so neither does anything that is kept in this layout. Padding is zero.

use crate::element::Element;

/// Elements that `cols` columns of `rows` rows take when packed.
pub(crate) fn packed_len<T: Element>(rows: usize, cols: usize) -> usize {
    rows * cols.next_multiple_of(T::LINE)
}

/// Packs columns `0..cols` of rows `0..rows` of the strided matrix at `data` into `to`, line after line.
///
/// # Safety
/// `data + i·row + j·col` must be valid for reads for every element of the block.
pub(crate) unsafe fn pack_lines<T: Element>(
    data: *const T,
    (row, col): (usize, usize),
    (rows, cols): (usize, usize),
    to: &mut [T],
) {
    for (l, line) in to.chunks_exact_mut(rows * T::LINE).take(cols.div_ceil(T::LINE)).enumerate() {
        let width = T::LINE.min(cols - l * T::LINE);
        let from = data.wrapping_add(l * T::LINE * col);
        if width < T::LINE {
            line.fill(T::ZERO);
        }
        if col == 1 {
            // SAFETY: the caller vouches for the block.
            unsafe { copy_line(from, row, width, line) };
        } else {
            // SAFETY: as above.
            unsafe { gather_line(from, (row, col), width, line) };
        }
    }
}

/// One line whose rows are contiguous where they come from.
///
/// # Safety
/// See [`pack_lines`].
unsafe fn copy_line<T: Element>(from: *const T, row: usize, width: usize, line: &mut [T]) {
    for (p, to) in line.chunks_exact_mut(T::LINE).enumerate() {
        // SAFETY: row p of the block has `width` elements from here (caller).
        let source = unsafe { std::slice::from_raw_parts(from.wrapping_add(p * row), width) };
        match source.first_chunk::<16>() {
            Some(whole) if T::LINE == 16 => to.copy_from_slice(whole),
            _ => to[..width].copy_from_slice(source),
        }
    }
}

/// One line whose columns are contiguous, or nothing is: a transpose.
///
/// # Safety
/// See [`pack_lines`].
unsafe fn gather_line<T: Element>(from: *const T, (row, col): (usize, usize), width: usize, line: &mut [T]) {
    /// Rows at a time: a cache line of every column is read whole before the next.
    const BLOCK: usize = 16;
    for (block, to) in line.chunks_mut(BLOCK * T::LINE).enumerate() {
        for j in 0..width {
            let column = from.wrapping_add(block * BLOCK * row + j * col);
            for (p, to) in to.chunks_exact_mut(T::LINE).enumerate() {
                // SAFETY: (p, j) is inside the block (caller).
                to[j] = unsafe { *column.wrapping_add(p * row) };
            }
        }
    }
}
