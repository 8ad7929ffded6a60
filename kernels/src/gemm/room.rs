//! What finds room in a cache, and how rows lie between its lines: decided by strides.

use crate::element::Element;
use crate::machine::caches;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Rows at a multiple of this stride, in bytes, share one set of L1: the size of a way on every CPU that looks up cache and page side by side.
pub(super) const L1_PERIOD: usize = 4096;
/// At a multiple of this one they share two sets of L1, and as small a part of those of L2: room for but a few.
pub(crate) const HALF_L1_PERIOD: usize = L1_PERIOD / 2;
/// At a multiple of this one they share four sets of L1: too few for as many as four vectors have lanes.
pub(super) const QUARTER_L1_PERIOD: usize = L1_PERIOD / 4;
/// Bytes on pages that every CPU remembers beside the caches: 64 of them.
const PAGES_BYTES: usize = 64 * 4096;

/// All rows of a matrix begin on lines.
pub(super) fn on_lines<T: Element>(first: *const T, stride: usize) -> bool {
    (first as usize).is_multiple_of(LINE_BYTES) && stride.is_multiple_of(T::LINE)
}

/// How many elements past a line all rows at this stride begin, where they are off the lines.
pub(super) fn past_line<T: Element>(first: *const T, stride: usize) -> Option<usize> {
    let past = first as usize % LINE_BYTES / size_of::<T>();
    (stride.is_multiple_of(T::LINE) && past > 0).then_some(past)
}

/// Bytes of so many numbers.
pub(super) fn bytes<T>(rows: usize, cols: usize) -> usize {
    rows.saturating_mul(cols).saturating_mul(size_of::<T>())
}

/// Bytes of so many numbers in packed lines, padding included.
pub(super) fn packed_bytes<T: Element>(rows: usize, cols: usize) -> usize {
    bytes::<T>(rows, cols.checked_next_multiple_of(T::LINE).unwrap_or(usize::MAX))
}

/// So many rows at this stride do not find room side by side.
pub(super) fn clash<T: Element>(stride: usize, count: usize) -> bool {
    count > 8 && aliases::<T>(stride, HALF_L1_PERIOD)
}

/// So many rows of a strip off the lines, at this stride, stay in L1 beside A and C, and their pages in its table.
pub(super) fn stays_in_l1<T: Element>(stride: usize, rows: usize, cols: usize) -> bool {
    has_room_in_l1::<T>(stride, rows, cols) && bytes::<T>(rows, stride) <= PAGES_BYTES
}

/// The same of L1 alone, wherever the pages are.
pub(super) fn has_room_in_l1<T: Element>(stride: usize, rows: usize, cols: usize) -> bool {
    let sets = L1_PERIOD / LINE_BYTES;
    let lines = cols.div_ceil(T::LINE) + usize::from(stride > cols);
    // Rows begin in so many different sets: at a stride of 512 bytes, in every eighth.
    let starts = L1_PERIOD >> stride.wrapping_mul(size_of::<T>()).trailing_zeros().min(L1_PERIOD.trailing_zeros());
    let room = (starts * lines).min(sets) * (caches().l1d / L1_PERIOD);
    8 * rows * lines <= 7 * room
}

/// From one packed run of A, or of C in scratch, to the next: never a stride that aliases.
pub(super) fn packed_stride<T: Element>(inner: usize) -> usize {
    let stride = inner.next_multiple_of(T::LINE);
    if aliases::<T>(stride, HALF_L1_PERIOD) { stride + T::LINE } else { stride }
}

/// Rows at this stride begin in the same few sets of a cache: some times `period` bytes, one of those above, apart.
#[inline(always)]
pub(crate) fn aliases<T>(stride: usize, period: usize) -> bool {
    // A row alone may have any stride.
    stride.wrapping_mul(size_of::<T>()).is_multiple_of(period)
}
