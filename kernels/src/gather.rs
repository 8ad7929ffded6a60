//! Rows of a matrix, in any order, put together: how a shuffled batch comes to lie row by row.
//!
//! The rows are far apart and seldom in a cache, so the time is that of memory. While one row is read, the lines of
//! later ones are already asked for, and a team asks from every thread. Behind the last one, a single thread asks for the rows of the next
//! batch, which then arrive during the step, if they take so little of L2 that the step does not miss it.
//!
//! They are asked to L2, not L1. AMD's CPUs have room for 24 lines on their way to L1, and drop hints that find none; there are twice as many to L2
//! (Zen 4, a batch of 128 out of 60,000 rows of 784 in the middle of training: `f32` 75 → 50 µs, `u8` 35 → 30). With the next batch asked
//! for, `u8` takes 8.5 µs, and a step of 784-128-10 grows by 3 (by 1 where it asks at three places within the step); `f32` would take 29, and the
//! step 20 more, for 400 KB push its own numbers out of L2. On Zen 5, in training and with hints to L1, `u8` takes 8 to 11 µs.
//!
//! Intel's CPUs are asked for the first line of a long row alone: hints take the sixteen buffers of L1 whichever cache they name, while what the
//! hardware fetches ahead within a page waits elsewhere (Emerald Rapids, batches in turns, a step and its `f32` gather: 784-128-10 404 → 377 µs,
//! 392-128-10 228 → 212, 1568-128-10 833 → 784, `u8` 779 → 750; rows of 16 lines are alike, and of 12, 784 bytes, better asked for whole, 359 against 367).
//! What is left of `f32`, 30 µs more than from L2, is the 13 GB/s that L3 gives a core. Asked for during the step, tile by tile, whole or in
//! parts, the next rows delayed its multiplications by more than that (395 → 437 to 458).

use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, prefetch_to_l2};
use crate::machine::{Habits, caches};
use crate::rows::{Readable, Rows, Stored};
use crate::team::Team;
use crate::view::ShapeError;

/// Bytes that are worth a job.
const JOB_BYTES: usize = 32 * 1024;
/// Jobs for each thread of a team: few, for at the end of a job nothing more is asked for ahead.
const JOBS_OF_THREAD: usize = 2;
/// Bytes that are asked for ahead.
const BYTES_AHEAD: usize = 6 * 1024;
/// Bytes that are worth waking a helper.
const BYTES_TO_WAKE: usize = 1024 * 1024;
/// The part of L2 that the next batch's rows may take while they wait.
const PART_OF_L2: usize = 8;
/// Lines of a row that are all asked for, though the hardware would fetch those behind the first.
const SHORT_ROW: usize = 16;
/// Bytes of a cache line.
const CACHE_LINE: usize = 64;

/// Row `i` of `to` becomes row `rows[i]` of `from`, read as `from` says. `next` says which rows the call
/// after this one will gather: a team of one thread asks for them, where they take so little that they can wait in a cache. They change nothing
/// but time, and there need not be any.
///
/// # Errors
/// A row that `from` does not have, or lengths that do not fit; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
pub fn gather_rows<T: Element>(
    team: &Team,
    from: Rows<'_, T>,
    (rows, next): (&[u32], &[u32]),
    to: &mut [T],
) -> Result<(), ShapeError> {
    let last = rows.iter().max().map(|&row| row as usize);
    check(&from, rows.len(), last, to)?;
    // Single numbers have nothing to be fetched ahead.
    if let (1, Some(numbers)) = (from.columns(), from.numbers()) {
        to.iter_mut().zip(rows).for_each(|(to, &row)| *to = numbers[row as usize]);
        return Ok(());
    }
    read(team, from, to, |i| rows[i] as usize);
    // Of several threads, who asks is seldom who reads.
    if team.threads() == 1 {
        match from.stored {
            Stored::Numbers(numbers) => ask_for_next(numbers, from.columns(), next),
            Stored::Pixels(bytes) => ask_for_next(bytes, from.columns(), next),
        }
    }
    Ok(())
}

/// Row `i` of `to` becomes row `first + i` of `from`, read as `from` says.
///
/// # Errors
/// A row that `from` does not have, or a length that is not one of whole rows; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
pub fn read_rows<T: Element>(team: &Team, from: Rows<'_, T>, first: usize, to: &mut [T]) -> Result<(), ShapeError> {
    let count = to.len().checked_div(from.columns()).unwrap_or(0);
    check(&from, count, count.checked_sub(1).map(|last| first.saturating_add(last)), to)?;
    read(team, from, to, |i| first + i);
    Ok(())
}

/// Whether `from` has row `last`, and `to` the room for `count` rows.
fn check<T: Element>(from: &Rows<'_, T>, count: usize, last: Option<usize>, to: &[T]) -> Result<(), ShapeError> {
    ShapeError::expect("the elements of the rows to read", count.saturating_mul(from.columns()), to.len())?;
    match last {
        Some(last) if last >= from.height() => Err(ShapeError::Mismatch {
            what: "the rows to read from",
            expected: last.saturating_add(1),
            got: from.height(),
        }),
        _ => Ok(()),
    }
}

/// Reads row after row, by jobs of some rows each.
fn read<T: Element>(team: &Team, from: Rows<'_, T>, to: &mut [T], row_at: impl Fn(usize) -> usize + Sync) {
    let isa = Isa::current();
    let worth = if team.is_attended() { 2 * JOB_BYTES } else { BYTES_TO_WAKE };
    if team.threads() == 1 || size_of_val(to) < worth {
        return T::dispatch(isa, Read { from, row_at, to });
    }
    let columns = from.columns();
    let jobs = (size_of_val(to) / JOB_BYTES).clamp(1, JOBS_OF_THREAD * team.threads());
    let rows_of_job = (to.len() / columns).div_ceil(jobs);
    team.run_chunks(to, rows_of_job * columns, |index, to| {
        let row_at = |i: usize| row_at(index * rows_of_job + i);
        T::dispatch(isa, Read { from, row_at, to });
    });
}

/// A few rows, on one thread.
struct Read<'a, T, I> {
    from: Rows<'a, T>,
    row_at: I,
    to: &'a mut [T],
}

impl<T: Element, I: Fn(usize) -> usize> Kernel<T> for Read<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        match self.from.stored {
            Stored::Numbers(numbers) => self.each_row(simd, numbers),
            Stored::Pixels(bytes) => self.each_row(simd, bytes),
        }
    }
}

impl<T: Element, I: Fn(usize) -> usize> Read<'_, T, I> {
    #[inline(always)]
    fn each_row<E: Readable<T>, S: Simd<T>>(self, simd: S, stored: &[E]) {
        let columns = self.from.columns();
        let count = self.to.len().checked_div(columns).unwrap_or(0);
        let ahead = BYTES_AHEAD / columns.saturating_mul(size_of::<E>()).max(1) + 1;
        let asked = elements_to_ask::<E>(columns);
        let row = |i: usize| &stored[(self.row_at)(i) * columns..][..columns];
        let ask = |i: usize| ask(&row(i)[..asked]);
        (1..ahead.min(count)).for_each(ask);
        for (i, to) in self.to.chunks_exact_mut(columns.max(1)).enumerate() {
            if i + ahead < count {
                ask(i + ahead);
            }
            E::read(simd, row(i), to);
            if let Some(standard) = &self.from.standard {
                standard.apply(to);
            }
        }
    }
}

/// Asks for those of these rows that there are, where all may wait in L2.
fn ask_for_next<E>(stored: &[E], columns: usize, rows: &[u32]) {
    if rows.len().saturating_mul(columns).saturating_mul(size_of::<E>()) <= caches().l2 / PART_OF_L2 {
        let asked = elements_to_ask::<E>(columns);
        let row = |&row: &u32| stored.get((row as usize).checked_mul(columns)?..)?.get(..asked);
        rows.iter().filter_map(row).for_each(ask);
    }
}

/// Elements at the start of a row that are asked for.
fn elements_to_ask<E>(columns: usize) -> usize {
    let of_line = CACHE_LINE / size_of::<E>();
    if columns > SHORT_ROW * of_line && Habits::here().fetches_runs { of_line } else { columns }
}

/// Asks for these lines of a row.
#[inline(always)]
fn ask<E>(row: &[E]) {
    row.chunks(CACHE_LINE / size_of::<E>()).for_each(|line| prefetch_to_l2(line.as_ptr()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reading row after row by the definition gives.
    fn expected<T: Element>(from: impl Fn(usize) -> T, columns: usize, rows: &[u32]) -> Vec<T> {
        let row = |&row: &u32| row as usize * columns..(row as usize + 1) * columns;
        rows.iter().flat_map(row).map(from).collect()
    }

    fn any_order<T: Element>() {
        for (height, columns, count) in [(1, 1, 1), (7, 3, 20), (9, 1, 5), (50, 784, 300), (3, 20_000, 40), (5, 4, 0)] {
            let numbers: Vec<T> = (0..height * columns).map(|i| T::from_f64(i as f64)).collect();
            let bytes: Vec<u8> = (0..height * columns).map(|i| (i * 7) as u8).collect();
            let mean: Vec<f64> = (0..columns).map(|c| 0.1 * c as f64).collect();
            let scale: Vec<f64> = (0..columns).map(|c| 1.0 / (1.0 + c as f64)).collect();
            let rows: Vec<u32> = (0..count).map(|i| (i * 5 % height) as u32).collect();
            // Some that there are, and some that there are not.
            let next: Vec<u32> = (0..count / 2).map(|i| (i * 7 % (height + 2)) as u32).chain([u32::MAX]).collect();
            let pixel = |i: usize| T::from_f64(f64::from(bytes[i]) / 255.0);
            let standard = |i: usize| T::from_f64((pixel(i).to_f64() - mean[i % columns]) * scale[i % columns]);
            let pixels = Rows::new(Stored::Pixels(&bytes), columns);
            let standardised = pixels.standardised(&mean, &scale).unwrap();
            for team in [Team::serial(), Team::new(3)] {
                for (from, expected) in [
                    (Rows::new(Stored::Numbers(&numbers), columns), expected(|i| numbers[i], columns, &rows)),
                    (pixels, expected(pixel, columns, &rows)),
                    (standardised, expected(standard, columns, &rows)),
                ] {
                    let mut to = vec![T::from_f64(f64::NAN); count * columns];
                    gather_rows(&team, from, (&rows, &next), &mut to).unwrap();
                    assert_eq!(to, expected, "{count} rows of {columns} columns");
                }
            }
        }
    }

    #[test]
    fn rows_in_any_order_on_any_team() {
        any_order::<f32>();
        any_order::<f64>();
    }

    fn every_byte<T: Element>() {
        let bytes: Vec<u8> = (0..=255).collect();
        for isa in Isa::available() {
            // Widths that end in every lane.
            for columns in 1..=40 {
                let from = Rows::new(Stored::Pixels(&bytes), columns);
                let mut to = vec![T::ZERO; from.height() * columns];
                T::dispatch(isa, Read { from, row_at: |i| i, to: &mut to });
                for (&x, &byte) in to.iter().zip(&bytes) {
                    let quotient = T::from_f64(f64::from(byte)) / T::from_f64(255.0);
                    assert_eq!(x.to_bits64(), quotient.to_bits64(), "byte {byte} on {isa}");
                    assert_eq!(x.to_bits64(), T::from_f64(f64::from(byte) / 255.0).to_bits64(), "byte {byte} on {isa}");
                }
            }
        }
    }

    #[test]
    fn every_byte_is_the_rounded_quotient_on_every_tier() {
        every_byte::<f32>();
        every_byte::<f64>();
    }

    fn standardised<T: Element>() {
        let bytes: Vec<u8> = (0..=255).collect();
        let numbers: Vec<T> = bytes.iter().map(|&b| T::from_f64(f64::from(b) / 255.0)).collect();
        let mean: Vec<f64> = (0..256).map(|c| (f64::from(c) / 7.0).fract()).collect();
        let scale: Vec<f64> = (0..256).map(|c| (f64::from(c) / 3.0 - 40.0) * 1e3).collect();
        for isa in Isa::available() {
            for stored in [Stored::Numbers(&numbers[..]), Stored::Pixels(&bytes)] {
                let from = Rows::new(stored, 256).standardised(&mean, &scale).unwrap();
                let mut to = vec![T::ZERO; 256];
                T::dispatch(isa, Read { from, row_at: |i| i, to: &mut to });
                for (i, x) in to.iter().enumerate() {
                    let expected = T::from_f64((numbers[i].to_f64() - mean[i]) * scale[i]);
                    assert_eq!(x.to_bits64(), expected.to_bits64(), "column {i} on {isa}");
                }
            }
        }
    }

    #[test]
    fn standardised_numbers_have_the_same_bits_on_every_tier() {
        standardised::<f32>();
        standardised::<f64>();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let team = Team::serial();
        let from = Rows::new(Stored::Numbers(&[1.0, 2.0, 3.0, 4.0]), 2);
        let none = Rows::new(Stored::Numbers(&[]), 0);
        let mut to = [0.0; 4];
        assert!(gather_rows(&team, from, (&[0, 2], &[]), &mut to).is_err());
        assert!(gather_rows(&team, from, (&[0, 1], &[]), &mut to[..3]).is_err());
        assert!(gather_rows(&team, none, (&[0], &[]), &mut to[..0]).is_err());
        let empty = Rows::new(Stored::Numbers(&[]), usize::MAX);
        gather_rows(&team, empty, (&[], &[0, 1]), &mut to[..0]).unwrap();
        assert!(read_rows(&team, from, 1, &mut to).is_err());
        assert!(read_rows(&team, from, usize::MAX, &mut to).is_err());
        assert!(read_rows(&team, from, 0, &mut to[..3]).is_err());
        assert!(read_rows(&team, none, 0, &mut to).is_err());
        assert!(from.standardised(&[0.0], &[1.0, 1.0]).is_err());
        assert!(from.standardised(&[0.0, 0.0], &[1.0]).is_err());
        assert_eq!(to, [0.0; 4]);
        read_rows(&team, from, 1, &mut to[..2]).unwrap();
        assert_eq!(to, [3.0, 4.0, 0.0, 0.0]);
    }
}
