//! Which columns of a product are computed as rows of its transpose, Cᵀ = Bᵀ Aᵀ, though C must be transposed back then.
//!
//! ```text
//!   B   whole lines  few left        C      whole lines │ Cᵀ = Bᵀ Aᵀ
//!     ┌────────────┬──┐              A B =  tiles of    │ vectors along the rows of A:
//!   k │            │  │                     rows        │ all lanes filled
//!     └────────────┴──┘
//! ```
//! Vectors along a few columns leave lanes empty; along the rows of A they are full. Where A's columns are contiguous they are read as they
//! are, else squares of A are transposed in registers (see [`super::transposed_b`]), which shares the ports with few multiplications. Multiplication
//! commutes, so the bits are the same; α stays with A.

use super::gaps::SCRATCH_ELEMENTS;
use super::kernel_args::{End, Start};
use super::operand::{Output, Right};
use super::product::Product;
use super::room::packed_stride;
use super::scratch::{Slot, with_scratch};
use super::tiles::TileTable;
use super::transposed_b;
use super::transposition::Transposition;
use crate::element::Element;
use crate::team::Team;

/// Columns from which on a few left do not count, and reading A once more does: 32 lines.
const MANY_LINES: usize = 32;
/// The fewest rows of A: a square of it.
const FEWEST_ROWS: usize = 16;
/// So the transpose, which has fewer rows than a line has columns (`f32`: 15), or up to [`transposed_b::MAX_ROWS`] where a line and a few are taken
/// at once (`f64`: 12), is not looked at in its turn.
const _: () = assert!(FEWEST_ROWS >= 16 && FEWEST_ROWS > transposed_b::MAX_ROWS);

impl<T: Element> Product<T> {
    /// The first of the last columns, which do not fill a line, where they are faster as rows.
    pub(super) fn first_of_few(&self, table: &TileTable<T>) -> Option<usize> {
        let rows = self.m;
        // A line and a few, up to twelve columns in all, are transposed at once where they can be; else what does not fill a line.
        let at_once = self.n <= transposed_b::MAX_ROWS && matches!(self.b, Right::Strided { .. });
        let few = if at_once { self.n } else { self.n % T::LINE };
        let fits = few > 0
            && rows >= FEWEST_ROWS
            && self.n < MANY_LINES * T::LINE
            && !self.c.padded
            && self.end == End::Stored;
        if !fits || matches!(self.start, Start::Row(_)) {
            return None;
        }
        let first = self.n - few;
        let b_in_place = !matches!(self.b, Right::Strided { col, .. } if col != 1) && self.alpha_right == T::ONE;
        if first == 0 && b_in_place && self.a.row == 1 && few.is_multiple_of(table.lanes()) {
            // No lane is empty (AVX2, against rows of the transpose, 784×8×32 tn 64 → 76 GFLOP/s, 1000×8×1000 tn 52 → 69, f64 784×4×128 tn 28 → 30;
            // behind whole lines, 200×24×100 tn would lose 3 %, and with a B to be packed 100×8×100 tt 11).
            return None;
        }
        let (shape, whole_lines) = ((rows, few, self.k), first / T::LINE);
        let pays = if self.a.row == 1 {
            pays_along_columns_of_a(table, shape, whole_lines)
        } else {
            self.a.col == 1 && pays_to_transpose_a(table, shape, whole_lines)
        };
        (pays && self.col_range(first..self.n).is_strided()).then_some(first)
    }

    /// Its columns as rows, on `team`: in scratch, from where they are transposed back.
    pub(super) fn run_transposed(&self, table: &'static TileTable<T>, team: &Team) {
        let stride = packed_stride::<T>(self.m.min(SCRATCH_ELEMENTS / self.n / T::LINE * T::LINE));
        with_scratch::<T, _>(Slot::Columns, self.n * stride, |rows| {
            let to = Output { data: rows.as_mut_ptr(), row: stride, line: T::LINE, col: 1, padded: false };
            for first in (0..self.m).step_by(stride) {
                let part = self.row_range(first..self.m.min(first + stride));
                let Some(transposed) = part.transposed(to) else { unreachable!("looked at by `first_of_few`") };
                if matches!(self.start, Start::Stored | Start::Scaled(_)) {
                    // SAFETY: `self` vouches for C, of which this is a part; `rows` has room for `n` rows of up to `stride` numbers.
                    T::dispatch(table.isa, unsafe { Transposition::new(part.c, to, 0..part.m, 0..part.n) });
                }
                transposed.run_part(table, team);
                // SAFETY: as above, the other way: nobody else writes this part of C.
                T::dispatch(table.isa, unsafe { Transposition::new(to, part.c, 0..part.n, 0..part.m) });
            }
        });
    }
}

/// A's columns are contiguous: vectors along them are full, and no page is left with every step (Emerald Rapids, 1000×12×1000 tn:
/// 47 → 93 GFLOP/s, 784×10×128 tn: 80 → 138, 100×4×100 tn: 52 → 90; Zen 4, behind whole lines, 784×17×128 tn 69 → 102, 784×26×128 tn
/// 94 → 109, 50×50×50 tn 89 → 104). Behind whole lines, where a vector is one, costs are weighed (Emerald Rapids, against the bars for all
/// else below: as rows 64×33×33 tn 96 → 129, 16×33×150 91 → 103; as one more vector 200×28×33 tn 86 → 111, 1024×25×65 89 → 106).
fn pays_along_columns_of_a<T: Element>(
    table: &TileTable<T>,
    (rows, cols, steps): (usize, usize, usize),
    whole_lines: usize,
) -> bool {
    /// Lanes that would stay empty over all of k, in lines, that are worth transposing a row of C back (784×10×32 tn gains, 300×15×40 tn would
    /// lose: 113 → 100), …
    const LINES: usize = 8;
    /// fewer for rows so few that vectors of a line transpose them at once (1000×3×6 tn: 18 → 30, f64 1000×4×14 tt: 17 → 26; AVX2 would lose:
    /// 19 → 11), …
    const LINES_AT_ONCE: usize = 4;
    /// … and multiply-adds that are worth the way through scratch (16×5×16 tn would lose: 27 → 19).
    const WORK: usize = 4096;
    if table.lanes() == T::LINE && whole_lines > 0 {
        // Two vectors at once where they are executed whole.
        let multiplications = steps.saturating_mul(cols) / if table.habits.shuffles_on_multipliers { 2 } else { 1 };
        return cost_of_rows::<T>(rows, cols, multiplications)
            < cost_of_vectors(table, (rows, cols, steps), whole_lines);
    }
    let empty_lanes = (cols.next_multiple_of(T::LINE) - cols).saturating_mul(steps);
    let work = rows.saturating_mul(cols).saturating_mul(steps);
    let at_once = cols <= transposed_b::ROWS_ON_EVERY_TIER && table.lanes() == T::LINE;
    let lines = if at_once { LINES_AT_ONCE } else { LINES };
    empty_lanes >= lines * T::LINE && work >= WORK
}

/// A's rows are contiguous: squares of it are transposed (Zen 4, 128×10×128: 71 → 87 GFLOP/s, 128×10×784 73 → 100, 784×10×128 73 → 91, 100×2×100
/// 19 → 37, 128×6×128 58 → 73; behind whole lines, 100×17×100 69 → 86, 100×20×100 81 → 94, 128×25×128 89 → 102, 500×67×300 104 → 112, 1000×58×1000
/// 106 → 112; f64 128×9×128 38 → 49, 100×10×100 41 → 45, 128×10×784 43 → 53), where so many whole lines are before them.
fn pays_to_transpose_a<T: Element>(
    table: &TileTable<T>,
    (rows, cols, steps): (usize, usize, usize),
    whole_lines: usize,
) -> bool {
    if table.transposed_b_kernel(cols).is_none() {
        return false;
    }
    if table.lanes() < T::LINE {
        return steps >= STEPS_OF_SHORT_VECTORS;
    }
    let square = if T::LINE == 16 { SQUARES_OF_16 } else { SQUARES_OF_8 }[cols - 1];
    let squares = steps.div_ceil(T::LINE).saturating_mul(square);
    cost_of_rows::<T>(rows, cols, squares) < cost_of_vectors(table, (rows, cols, steps), whole_lines)
}

/// Shorter rows of A than these, in vectors of less than a line, are not worth turning C back (AVX2, 100×2×100 12 → 17 GFLOP/s, 1000×4×1000
/// 32 → 44; 100×4×32 would lose: 20 → 12).
const STEPS_OF_SHORT_VECTORS: usize = 128;

/// Whether columns that fill no line might be taken as rows, by the strides of A from one row and one column to the next: for products so small
/// that to look at all that [`Product::first_of_few`] does would take as long as they do.
pub(super) fn may_be_rows<T: Element>(
    table: &TileTable<T>,
    (rows, cols, steps): (usize, usize, usize),
    (a_row, a_col): (usize, usize),
    b_in_place: bool,
) -> bool {
    // Behind whole lines the few of a B that is packed are better off in its strips (AVX2, 24×24×24 tt 44 → 58 GFLOP/s).
    let has_empty_lanes = !cols.is_multiple_of(table.lanes()) || !b_in_place && cols < T::LINE;
    let is_deep = table.lanes() == T::LINE || steps >= STEPS_OF_SHORT_VECTORS;
    rows >= FEWEST_ROWS && (a_row == 1 && has_empty_lanes || a_col == 1 && is_deep)
}

/// Cycles that a square of A takes on a Zen 4, by columns of B (`versus gemm --shape 10x128x784:nt` and the like). The ports of other
/// CPUs allow about the same in relation to [`cost_of_own_vectors`].
const SQUARES_OF_16: [usize; transposed_b::MAX_ROWS] = [64, 69, 81, 92, 105, 120, 136, 150, 166, 181, 197, 211];
const SQUARES_OF_8: [usize; transposed_b::MAX_ROWS] = [25, 35, 42, 49, 60, 68, 67, 73, 80, 87, 98, 103];

/// The way through scratch, beyond what vectors along the columns take for their own.
const SCRATCH: usize = 120;

/// What `cols` columns take as rows, so long for a line of A's rows, and C transposed back.
fn cost_of_rows<T: Element>(rows: usize, cols: usize, line_of_rows: usize) -> usize {
    rows.div_ceil(T::LINE).saturating_mul(line_of_rows.saturating_add(T::LINE * cols)).saturating_add(SCRATCH)
}

/// What they take in vectors along the columns.
fn cost_of_vectors<T: Element>(
    table: &TileTable<T>,
    (rows, cols, steps): (usize, usize, usize),
    whole_lines: usize,
) -> usize {
    match table.habits.shuffles_on_multipliers && whole_lines > 0 {
        true => cost_of_another_vector(rows, steps, whole_lines),
        false => cost_of_own_vectors(table, rows, cols, steps),
    }
}

/// One or two for each row and step, the last one half as wide where that is faster.
fn cost_of_own_vectors<T: Element>(table: &TileTable<T>, rows: usize, cols: usize, steps: usize) -> usize {
    /// Sixteenths of a cycle: a vector, half a one, and half a one that is not filled.
    const WHOLE: usize = 17;
    /// A vector where squares of A are shuffled by a multiplier, in relation to what those cost (Emerald Rapids, against squares,
    /// 128×10×128: 72 → 78 GFLOP/s, packed 73 → 82, 128×12×128 86 → 93, 500×11×300 82 → 98; 128×9×128 and 128×10×512 would lose 2 and
    /// 8 %).
    const WHOLE_BESIDE_SHUFFLES: usize = 12;
    const HALF: usize = 10;
    const TAIL: usize = 12;
    let vector = if table.habits.shuffles_on_multipliers { WHOLE_BESIDE_SHUFFLES } else { WHOLE };
    let (whole, last) = (cols / T::LINE, cols % T::LINE);
    let last = match table.half(last, steps).or(table.narrow(last, steps)) {
        _ if last == 0 => 0,
        Some(half) if last == half.lanes() => HALF,
        Some(_) => TAIL,
        None => vector,
    };
    rows.saturating_mul(steps).saturating_mul(vector * whole + last) / 16
}

/// One more vector of a strip of whole lines, on a CPU that shuffles with one of its two multipliers: the vector costs half a
/// cycle a row and step at most, a square of A all its shuffles. It costs least in a narrow strip, which its broadcasts bind, and more where
/// strips get narrower for it, from a whole strip of four lines on (Emerald Rapids, against squares, 128×25×128 53 → 70 GFLOP/s,
/// 128×22×128 78 → 92, 100×42×100 66 → 87, 300×60×300 85 → 93; 300×54×300 would lose 3 %, 500×67×300 12, 128×18×128 5).
fn cost_of_another_vector(rows: usize, steps: usize, whole_lines: usize) -> usize {
    /// Sixteenths of a cycle, by whole lines beyond strips of four.
    const VECTOR: [usize; 4] = [9, 5, 6, 9];
    rows.saturating_mul(steps).saturating_mul(VECTOR[whole_lines % VECTOR.len()]) / 16
}
