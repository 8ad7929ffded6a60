//! How fast a product can be here at most: as its flops are at the multiply-add peak, or as its operands are read, whichever takes longer. The
//! model is known as the roofline.
//!
//! A product that is repeated finds A, B and C where it left them: in the nearest cache that holds all three. From there every element comes once
//! at least (or, of C, goes there), no faster than that level is read. So a product of few rows, which uses each of B's elements but a few
//! times, cannot reach the peak, however it is computed, and its limit is a bandwidth. What else takes time is not in the limit: that the first
//! multiply-adds wait for their operands and the last for each other, the edges of tiles, packing, the call. Nor is it exact where operands are
//! just too large for a cache: a part of them may still be found there.

use std::fmt;

use deltarule_kernels::machine::{Caches, Level, caches};

use super::measure::settle;
use super::shapes::Shape;
use super::table::figure;
use crate::machine::bandwidth;

/// What is to be said below a table in which limits stand.
pub const MEANING: &str = "\
limit: what takes longer, the flops at the peak (fma) or A, B and C read once at the bandwidth of the nearest cache that holds all three, where a
product that is repeated finds them (L1, L2, L3 or mem). Latency, the edges of tiles, packing and the call are not in it, and small products are
far from it for those. More than 100 %: the clock rose, or a part of what is too large for a cache was found there";

/// What a product waits for where everything else is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Multiply-adds.
    Fma,
    /// Reads from a cache, or from memory.
    Reads(Level),
}

impl fmt::Display for Bound {
    /// `fma`, or the level: `L1`, `L2`, `L3`, `mem`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fma => f.pad("fma"),
            Self::Reads(level) => level.fmt(f),
        }
    }
}

/// The speed that a product has at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// What takes all of the time then.
    pub bound: Bound,
    /// GFLOP/s.
    pub gflops: f64,
}

/// How fast each level is read by so many threads: the best of all measurements so far.
pub struct Bandwidths {
    threads: usize,
    caches: Caches,
    /// GB/s, in the order of [`Level::ALL`]; none where a level cannot be told from the one within.
    gb_per_second: [Option<f64>; 4],
}

impl Bandwidths {
    /// Measures every level, on so many threads.
    pub fn new(threads: usize) -> Self {
        Self { threads, caches: caches(), gb_per_second: Level::ALL.map(|level| bandwidth(level, threads)) }
    }

    /// The limit of a product that has just been timed, of elements of so many bytes; the level that it reads is measured again first, as the
    /// peak is, when its threads are asleep.
    pub fn limit_again(&mut self, shape: &Shape, element: usize, peak_gflops: f64) -> Limit {
        if self.threads > 1 {
            settle();
        }
        if let Some((level, before)) = self.known(self.level_of(element * elements(shape))) {
            let now = bandwidth(level, self.threads);
            self.gb_per_second[level as usize] = now.map(|now| now.max(before)).or(Some(before));
        }
        self.limit(shape, element, peak_gflops)
    }

    /// The limit of a product, by what has been measured until now.
    fn limit(&self, shape: &Shape, element: usize, peak_gflops: f64) -> Limit {
        let bytes = element * elements(shape);
        let flops_a_byte = shape.flops() / bytes as f64;
        let reads = self.known(self.level_of(bytes));
        let reads = reads.map(|(level, gb)| Limit { bound: Bound::Reads(level), gflops: flops_a_byte * gb });
        let fma = Limit { bound: Bound::Fma, gflops: peak_gflops };
        reads.filter(|reads| reads.gflops < fma.gflops).unwrap_or(fma)
    }

    /// The nearest level that holds so many bytes: each thread's first and second cache hold their part.
    fn level_of(&self, bytes: usize) -> Level {
        let Caches { l1d, l2, l3 } = self.caches;
        let all = |each: usize| each.saturating_mul(self.threads);
        let rooms = [(Level::L1, all(l1d)), (Level::L2, all(l2)), (Level::L3, l3)];
        rooms.into_iter().find(|(_, room)| bytes <= *room).map_or(Level::Memory, |(level, _)| level)
    }

    /// A level and its GB/s, or, where those are not known, the nearest within whose are: what lies farther is read no faster.
    fn known(&self, level: Level) -> Option<(Level, f64)> {
        let mut within = Level::ALL.into_iter().rev().skip_while(|within| *within > level);
        within.find_map(|level| Some((level, self.gb_per_second[level as usize]?)))
    }
}

impl fmt::Display for Bandwidths {
    /// `L1 380, L2 130, L3 12.4 GB/s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Level::ALL.into_iter().zip(self.gb_per_second);
        let known = known.filter_map(|(level, gb)| Some(format!("{level} {}", figure(gb?))));
        write!(f, "{} GB/s", known.collect::<Vec<_>>().join(", "))
    }
}

/// Those of A, B and C.
fn elements(&Shape { m, n, k, .. }: &Shape) -> usize {
    m * k + k * n + m * n
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHES: Caches = Caches { l1d: 32 << 10, l2: 1 << 20, l3: 32 << 20 };
    const READS: [Option<f64>; 4] = [Some(400.0), Some(100.0), Some(25.0), Some(10.0)];

    fn limit(shape: &str, peak: f64, threads: usize, gb_per_second: [Option<f64>; 4]) -> Limit {
        let bandwidths = Bandwidths { threads, caches: CACHES, gb_per_second };
        bandwidths.limit(&shape.parse().expect("a shape"), size_of::<f32>(), peak)
    }

    fn reads(level: Level, gflops: f64) -> Limit {
        Limit { bound: Bound::Reads(level), gflops }
    }

    #[test]
    fn what_takes_longer_binds() {
        // 4 × 128 × 784: 802,816 flops take 8.0 µs at 100 GFLOP/s, 416,000 bytes 4.2 µs from L2.
        assert_eq!(limit("4x128x784", 100.0, 1, READS), Limit { bound: Bound::Fma, gflops: 100.0 });
        // A quarter of the flops, and nearly as many bytes: 2.0 µs and 4.1.
        assert_eq!(limit("1x128x784", 100.0, 1, READS), reads(Level::L2, 200_704.0 / 405_056.0 * 100.0));
        // Were multiply-adds free, a product in L1 would be bound by that.
        assert_eq!(limit("8x8x8", 1e6, 1, READS), reads(Level::L1, 1024.0 / 768.0 * 400.0));
    }

    #[test]
    fn operands_lie_in_the_nearest_cache_that_holds_them_all() {
        let bound = |shape, threads| limit(shape, 1e6, threads, READS).bound;
        // 64 × 64 numbers are 16 KiB: A, B and C are 48.
        assert_eq!(bound("64x64x64", 1), Bound::Reads(Level::L2));
        assert_eq!(bound("64x64x64", 2), Bound::Reads(Level::L1), "each of two cores has half of them");
        assert_eq!(bound("512x512x512", 1), Bound::Reads(Level::L3));
        // The third level is no larger for two.
        assert_eq!([1, 2].map(|threads| bound("2048x2048x2048", threads)), [Bound::Reads(Level::Memory); 2]);
    }

    #[test]
    fn what_is_not_known_is_no_slower_than_what_is_within() {
        let unknown = |levels: usize| {
            let mut known = READS;
            known[4 - levels..].fill(None);
            limit("2048x2048x2048", 1e6, 1, known)
        };
        let flops_a_byte = 2048.0 / 6.0;
        assert_eq!(unknown(1), reads(Level::L3, flops_a_byte * 25.0));
        assert_eq!(unknown(2), reads(Level::L2, flops_a_byte * 100.0));
        assert_eq!(unknown(4).bound, Bound::Fma);
    }

    #[test]
    fn numbers_twice_as_long_are_twice_as_many_bytes() {
        let shape: Shape = "1x128x784".parse().expect("a shape");
        let bandwidths = Bandwidths { threads: 1, caches: CACHES, gb_per_second: READS };
        let [single, double] = [4, 8].map(|element| bandwidths.limit(&shape, element, 100.0));
        assert_eq!(double, Limit { bound: single.bound, gflops: single.gflops / 2.0 });
    }

    #[test]
    fn bandwidths_read_well() {
        let gb_per_second = [Some(380.2), Some(131.0), None, Some(12.44)];
        let bandwidths = Bandwidths { threads: 1, caches: CACHES, gb_per_second };
        assert_eq!(bandwidths.to_string(), "L1 380, L2 131, mem 12.4 GB/s");
        assert_eq!([Bound::Fma, Bound::Reads(Level::Memory)].map(|bound| bound.to_string()), ["fma", "mem"]);
    }
}
