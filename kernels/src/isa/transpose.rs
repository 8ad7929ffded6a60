//! Square blocks transposed in registers, for the tiers of x86-64.
//!
//! ```text
//!   rows          unpack singles        unpack pairs          exchange 128-bit lanes
//!   a b c d …     a A b B …             a A α 𝒜 …              column 0 whole
//!   A B C D …  ▶  c C d D …          ▶  b B β ℬ …           ▶  column 1 whole
//!   α β γ δ …     …                     …                     …
//! ```
//! A shuffle stays inside its 128-bit lane until the last steps, which put the lanes of all rows side by side; where runs are loaded a lane
//! at a time (AVX2, and runs of four), they are side by side from the first.

use super::opaque;
use std::arch::x86_64::*;

/// The transpose of 16 × 16: lane i of vector j is `from[i·from_row + j]`.
///
/// # Safety
/// The block is valid for reads.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn f32_16(from: *const f32, from_row: usize) -> [__m512; 16] {
    let mut r = [_mm512_setzero_ps(); 16];
    let mut four = from;
    for r in r.chunks_exact_mut(4) {
        for (i, r) in r.iter_mut().enumerate() {
            // SAFETY: a row of the block (caller).
            *r = unsafe { _mm512_loadu_ps(four.wrapping_add(i * from_row)) };
        }
        four = opaque(four.wrapping_add(4 * from_row));
    }
    let mut t = r;
    for (t, r) in t.chunks_exact_mut(4).zip(r.chunks_exact(4)) {
        t.copy_from_slice(&squares_in_lanes(r[0], r[1], r[2], r[3]));
    }
    for c in 0..4 {
        let even = _mm512_shuffle_f32x4::<0x88>(t[c], t[c + 4]);
        let odd = _mm512_shuffle_f32x4::<0xdd>(t[c], t[c + 4]);
        let even_below = _mm512_shuffle_f32x4::<0x88>(t[c + 8], t[c + 12]);
        let odd_below = _mm512_shuffle_f32x4::<0xdd>(t[c + 8], t[c + 12]);
        r[c] = _mm512_shuffle_f32x4::<0x88>(even, even_below);
        r[c + 4] = _mm512_shuffle_f32x4::<0x88>(odd, odd_below);
        r[c + 8] = _mm512_shuffle_f32x4::<0xdd>(even, even_below);
        r[c + 12] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_below);
    }
    r
}

/// Transposes up to sixteen runs of up to four elements: `to[j·to_row + i] = from[i·from_row + j]`, zero where there is no run.
///
/// Run 4 l + r goes to 128-bit lane l of register r, so that the squares inside of the lanes are all that must be transposed.
///
/// # Safety
/// The runs are valid for reads, as many rows for writes as the runs are long.
#[target_feature(enable = "avx512f,avx512vl")]
#[inline]
pub(super) unsafe fn f32_16x4(
    from: *const f32,
    from_row: usize,
    (width, depth): (usize, usize),
    to: *mut f32,
    to_row: usize,
) {
    let mask = (1u8 << depth.min(4)) - 1;
    let run = |i: usize| {
        // SAFETY: `depth` elements of run i, which is there (caller).
        if i < width { unsafe { _mm_maskz_loadu_ps(mask, from.wrapping_add(i * from_row)) } } else { _mm_setzero_ps() }
    };
    let mut r = [_mm512_setzero_ps(); 4];
    for (i, r) in r.iter_mut().enumerate() {
        let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(run(i)), run(i + 4));
        *r = _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, run(i + 8)), run(i + 12));
    }
    for (j, column) in squares_in_lanes(r[0], r[1], r[2], r[3]).into_iter().take(depth).enumerate() {
        // SAFETY: row j of the result (caller).
        unsafe { _mm512_storeu_ps(to.wrapping_add(j * to_row), column) };
    }
}

/// Defines the transposition of up to four rows of up to a register's elements: `to[j·to_row + i] = from[i·from_row + j]`.
///
/// Runs that follow each other without a gap fill registers, and each is picked out of all rows. Otherwise a register holds runs of
/// four, and each of them is stored on its own, as wide as it is.
macro_rules! few_rows {
    ($name:ident, $t:ident, $mask:ident, $lanes:literal, $int:ident, $zero:ident, $load:ident, $pick:ident, $blend:ident,
     $store:ident, runs: $whole:ident [$($run:literal)*] $part:ident $store_run:ident) => {
        /// # Safety
        /// The rows are valid for reads, the runs for writes.
        #[target_feature(enable = "avx512f,avx512vl")]
        #[inline]
        pub(super) unsafe fn $name(
            from: *const $t,
            from_row: usize,
            (width, depth): (usize, usize),
            to: *mut $t,
            to_row: usize,
        ) {
            /// `PICKS[w − 2]`: the registers of runs of w elements.
            static PICKS: [[Pick<[$int; $lanes]>; 4]; 3] = [picks(2), picks(3), picks(4)];

            const fn picks(width: usize) -> [Pick<[$int; $lanes]>; 4] {
                let mut picks = [Pick { lanes: [0; $lanes], from_second: 0 }; 4];
                let mut at = 0;
                while at < $lanes * width {
                    let (run, row, pick) = (at / width, at % width, &mut picks[at / $lanes]);
                    pick.lanes[at % $lanes] = (run + row % 2 * $lanes) as $int;
                    if row >= 2 {
                        pick.from_second |= 1 << (at % $lanes);
                    }
                    at += 1;
                }
                picks
            }

            let there = ((1u32 << depth.min($lanes)) - 1) as $mask;
            let row = |i: usize| {
                if i >= width {
                    return $zero();
                }
                // SAFETY: `depth` elements of row i (caller).
                unsafe { $load(there, from.wrapping_add(i * from_row)) }
            };
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let picked = |pick: &Pick<[$int; $lanes]>| {
                // SAFETY: as many integers as a register has.
                let lanes = unsafe { _mm512_loadu_si512(pick.lanes.as_ptr().cast()) };
                $blend(pick.from_second as $mask, $pick(a, lanes, b), $pick(c, lanes, d))
            };
            if to_row == width && depth == $lanes && width > 1 {
                for (v, pick) in PICKS[width - 2].iter().enumerate().take(width) {
                    // SAFETY: a register's elements of the runs, one after the other (caller).
                    unsafe { $store(to.wrapping_add(v * $lanes), picked(pick)) };
                }
                return;
            }
            let mask = (1u8 << width.min(4)) - 1;
            let store = |j: usize, run| {
                if j < depth {
                    // SAFETY: run j has `width` elements (caller).
                    unsafe { $store_run(to.wrapping_add(j * to_row), mask, run) };
                }
            };
            for (v, pick) in PICKS[2].iter().enumerate() {
                let (runs, first) = (picked(pick), v * $lanes / 4);
                store(first, $whole(runs));
                $(store(first + $run, $part::<$run>(runs));)*
            }
        }
    };
}

/// Where the elements of a register come from.
#[derive(Clone, Copy)]
struct Pick<L> {
    /// Lanes of two rows side by side: of rows 0 and 1, and of rows 2 and 3.
    lanes: L,
    /// The elements that are taken from rows 2 and 3.
    from_second: u16,
}

few_rows!(f32_4x16, f32, __mmask16, 16, i32, _mm512_setzero_ps, _mm512_maskz_loadu_ps, _mm512_permutex2var_ps,
    _mm512_mask_blend_ps, _mm512_storeu_ps,
    runs: _mm512_castps512_ps128 [1 2 3] _mm512_extractf32x4_ps _mm_mask_storeu_ps);
few_rows!(f64_4x8, f64, __mmask8, 8, i64, _mm512_setzero_pd, _mm512_maskz_loadu_pd, _mm512_permutex2var_pd,
    _mm512_mask_blend_pd, _mm512_storeu_pd,
    runs: _mm512_castpd512_pd256 [1] _mm512_extractf64x4_pd _mm256_mask_storeu_pd);

/// In each 128-bit lane the transpose of the square that four registers have there.
#[target_feature(enable = "avx512f")]
#[inline]
fn squares_in_lanes(a: __m512, b: __m512, c: __m512, d: __m512) -> [__m512; 4] {
    let (low, high) = (_mm512_castps_pd(_mm512_unpacklo_ps(a, b)), _mm512_castps_pd(_mm512_unpacklo_ps(c, d)));
    let (low_2, high_2) = (_mm512_castps_pd(_mm512_unpackhi_ps(a, b)), _mm512_castps_pd(_mm512_unpackhi_ps(c, d)));
    [
        _mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
        _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)),
        _mm512_castpd_ps(_mm512_unpacklo_pd(low_2, high_2)),
        _mm512_castpd_ps(_mm512_unpackhi_pd(low_2, high_2)),
    ]
}

/// The transpose of 8 × 8: lane i of vector j is `from[i·from_row + j]`.
///
/// # Safety
/// The block is valid for reads.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn f64_8(from: *const f64, from_row: usize) -> [__m512d; 8] {
    let mut r = [_mm512_setzero_pd(); 8];
    let mut four = from;
    for r in r.chunks_exact_mut(4) {
        for (i, r) in r.iter_mut().enumerate() {
            // SAFETY: a row of the block (caller).
            *r = unsafe { _mm512_loadu_pd(four.wrapping_add(i * from_row)) };
        }
        four = opaque(four.wrapping_add(4 * from_row));
    }
    let mut t = r;
    for i in (0..8).step_by(2) {
        t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    for c in 0..2 {
        let even = _mm512_shuffle_f64x2::<0x88>(t[c], t[c + 2]);
        let odd = _mm512_shuffle_f64x2::<0xdd>(t[c], t[c + 2]);
        let even_below = _mm512_shuffle_f64x2::<0x88>(t[c + 4], t[c + 6]);
        let odd_below = _mm512_shuffle_f64x2::<0xdd>(t[c + 4], t[c + 6]);
        r[c] = _mm512_shuffle_f64x2::<0x88>(even, even_below);
        r[c + 2] = _mm512_shuffle_f64x2::<0x88>(odd, odd_below);
        r[c + 4] = _mm512_shuffle_f64x2::<0xdd>(even, even_below);
        r[c + 6] = _mm512_shuffle_f64x2::<0xdd>(odd, odd_below);
    }
    r
}

/// The transpose of 8 × 8: lane i of vector j is `from[i·from_row + j]`.
///
/// Rows j and j + 4 are put side by side as they are loaded, so that the squares inside of the 128-bit lanes are all that must be transposed.
///
/// # Safety
/// The block is valid for reads.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) unsafe fn f32_8(from: *const f32, from_row: usize) -> [__m256; 8] {
    let below = opaque(from.wrapping_add(4 * from_row));
    let mut columns = [_mm256_setzero_ps(); 8];
    for (half, columns) in columns.chunks_exact_mut(4).enumerate() {
        let mut r = [_mm256_setzero_ps(); 4];
        for (j, r) in r.iter_mut().enumerate() {
            let offset = j * from_row + 4 * half;
            // SAFETY: half of row j (caller).
            let first = unsafe { _mm_loadu_ps(from.wrapping_add(offset)) };
            // SAFETY: half of row j + 4 (caller).
            let second = unsafe { _mm_loadu_ps(below.wrapping_add(offset)) };
            *r = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(first), second);
        }
        let (low, high) = (_mm256_unpacklo_ps(r[0], r[1]), _mm256_unpackhi_ps(r[0], r[1]));
        let (low_2, high_2) = (_mm256_unpacklo_ps(r[2], r[3]), _mm256_unpackhi_ps(r[2], r[3]));
        columns[0] = _mm256_shuffle_ps::<0x44>(low, low_2);
        columns[1] = _mm256_shuffle_ps::<0xee>(low, low_2);
        columns[2] = _mm256_shuffle_ps::<0x44>(high, high_2);
        columns[3] = _mm256_shuffle_ps::<0xee>(high, high_2);
    }
    columns
}

/// The transpose of 4 × 4: lane i of vector j is `from[i·from_row + j]`; rows j and j + 2 side by side as above.
///
/// # Safety
/// The block is valid for reads.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) unsafe fn f64_4(from: *const f64, from_row: usize) -> [__m256d; 4] {
    let below = opaque(from.wrapping_add(2 * from_row));
    let mut columns = [_mm256_setzero_pd(); 4];
    for (half, columns) in columns.chunks_exact_mut(2).enumerate() {
        let mut r = [_mm256_setzero_pd(); 2];
        for (j, r) in r.iter_mut().enumerate() {
            let offset = j * from_row + 2 * half;
            // SAFETY: half of row j (caller).
            let first = unsafe { _mm_loadu_pd(from.wrapping_add(offset)) };
            // SAFETY: half of row j + 2 (caller).
            let second = unsafe { _mm_loadu_pd(below.wrapping_add(offset)) };
            *r = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(first), second);
        }
        columns[0] = _mm256_unpacklo_pd(r[0], r[1]);
        columns[1] = _mm256_unpackhi_pd(r[0], r[1]);
    }
    columns
}
