//! The other limit: how many bytes a second the machine reads from each of its caches, and from memory.
//!
//! As STREAM measures it, but reads alone: a product reads far more than it writes. A buffer that finds room in the level that is meant, and none
//! to speak of in the level within, is read from end to end again and again, by whole vectors of the tier in use, each of which goes into a
//! multiply-add, as in a product, which has no use for more loads than it has multiply-adds. (Some CPUs start more of those in a cycle than
//! additions.) Twelve sums, six where registers are few, hide that a multiply-add waits for the one before it.
//!
//! With several threads each reads a buffer of its own, all at once: first and second levels are each core's own, while the third and memory
//! are shared, and so is what they deliver.

use super::at_once::at_once;
use super::caches::{Caches, caches};
use crate::aligned::AlignedVec;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, store};
use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Read in one run at least: tens of microseconds even from the first level, which the clock tells well.
const BYTES_A_RUN: usize = 4 << 20;
/// Read in all runs together, but for very large buffers: some ten milliseconds even from memory.
const BYTES: usize = 256 << 20;
/// However large the buffer is.
const LEAST_RUNS: usize = 3;

/// The part of a third level that a thread reads at most: more would only take longer.
const MOST_OF_L3: usize = 16 << 20;
/// What is taken for memory at least, by all threads together, where no third level, or a small one, is told of.
const LEAST_OF_MEMORY: usize = 64 << 20;
/// No buffer is larger, since it might not fit a container's memory.
const MOST: usize = 128 << 20;

/// Where data lies, from the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The first cache.
    L1,
    /// The second.
    L2,
    /// The third, usually shared.
    L3,
    /// None of them.
    Memory,
}

impl Level {
    /// All of them, the nearest first.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::Memory];

    /// Bytes of the buffer that each of `threads` threads reads. `None` where the level cannot be told from the one within, or would take too
    /// large a buffer.
    fn share(self, caches: Caches, threads: usize) -> Option<usize> {
        let Caches { l1d, l2, l3 } = caches;
        let (bytes, within) = match self {
            Self::L1 => (l1d / 2, 0),
            Self::L2 => (l2 / 2, l1d),
            Self::L3 => ((l3 / 2 / threads).min(MOST_OF_L3), l2),
            Self::Memory if l3 > MOST / 2 => return None,
            Self::Memory => (((2 * l3).max(LEAST_OF_MEMORY) / threads).max(2 * l2), l2),
        };
        // Of a buffer that is read in turn nothing is found again in a cache of half its size.
        (bytes >= 2 * within && bytes <= MOST).then_some(bytes)
    }
}

impl fmt::Display for Level {
    /// `L1`, `L2`, `L3` or `mem`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::Memory => "mem",
        })
    }
}

/// Reads of a buffer from end to end; what does not fill a [`BLOCK`] is left.
struct Reads<'a> {
    buffer: &'a [f32],
    passes: usize,
    /// 1, which the compiler does not know: the multiply-add would be an addition.
    factor: f32,
}

/// Elements that buffers are made of: twelve of the widest vectors.
const BLOCK: usize = 12 * 16;

impl Kernel<f32> for Reads<'_> {
    /// The sum of all, so that nothing is optimised away.
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd<f32>>(self, s: S) -> f32 {
        if const { S::REGISTERS >= 16 } { self.sum::<S, 12>(s) } else { self.sum::<S, 6>(s) }
    }
}

impl Reads<'_> {
    #[inline(always)]
    fn sum<S: Simd<f32>, const N: usize>(self, s: S) -> f32 {
        const { assert!(BLOCK.is_multiple_of(N * S::LANES)) };
        let factor = s.splat(self.factor);
        let mut sums = [s.splat(0.0); N];
        for _ in 0..self.passes {
            // A pass might otherwise be taken for the one before it.
            for vectors in black_box(self.buffer).chunks_exact(N * S::LANES) {
                let from = vectors.as_ptr();
                for (i, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: there are as many vectors as sums.
                    let vector = unsafe { s.load(from.wrapping_add(i * S::LANES)) };
                    // What rounds twice takes two instructions, and would be the limit itself.
                    *sum = if const { S::ISA.fuses() } { s.mul_add(vector, factor, *sum) } else { s.add(vector, *sum) };
                }
            }
        }
        let sum = sums.into_iter().fold(s.splat(0.0), |all, sum| s.add(all, sum));
        let mut out = [0.0; 16];
        store(s, &mut out[..S::LANES], sum);
        out[0]
    }
}

/// The GB/s of one thread in each of its runs, which all threads begin together: else the last would have what they share for itself.
fn runs(isa: Isa, bytes: usize, start: &Barrier) -> Vec<f64> {
    let blocks = (bytes / size_of::<f32>() / BLOCK).max(1);
    let buffer = AlignedVec::<f32>::zeros(blocks * BLOCK);
    let bytes = size_of_val(&*buffer);
    let passes = BYTES_A_RUN.div_ceil(bytes);
    let runs = (BYTES / (passes * bytes)).max(LEAST_RUNS);
    let run = |_| {
        start.wait();
        let kernel = Reads { buffer: &buffer, passes, factor: black_box(1.0) };
        let begin = Instant::now();
        let sum = f32::dispatch(isa, kernel);
        let took = begin.elapsed().as_secs_f64();
        black_box(sum);
        (passes * bytes) as f64 / took / 1e9
    };
    (0..runs).map(run).collect()
}

/// How fast a level of this machine is read, in GB/s (10⁹ bytes a second), by `threads` threads at once (none at all is one; where the system
/// starts fewer, by those), each from a buffer of its own: the best of several short runs, under a tenth of a second in all. Its reads are
/// sequential, like STREAM's, by the vectors of tier `isa`.
///
/// The sizes are those of [`caches`]. `None` where the level cannot be told from the one within: there is no third one,
/// the second is less than four times as large as the first, or so many threads share the third that its parts fit the second; and for memory
/// beyond a third level of more than 64 MiB, since what is not found there at once is too much to ask for. Of a third level that other
/// cores have, nothing is known: with threads on those, it may hold a part of what is taken for memory.
///
/// A build with debug assertions checks every load, and finds the nearer caches slower than they are.
pub fn read_bandwidth(isa: Isa, level: Level, threads: usize) -> Option<f64> {
    let bytes = level.share(caches(), threads.max(1))?;
    let threads = at_once(threads, |start| runs(isa, bytes, start));
    let together = |run: usize| threads.iter().filter_map(|runs| runs.get(run)).sum::<f64>();
    (0..threads[0].len()).map(together).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;

    #[test]
    fn a_level_is_read_that_has_room_where_the_one_within_has_none() {
        let shares = |l1d, l2, l3, threads| Level::ALL.map(|level| level.share(Caches { l1d, l2, l3 }, threads));
        let zen = (32 * KIB, MIB, 32 * MIB);
        assert_eq!(shares(zen.0, zen.1, zen.2, 1), [16 * KIB, 512 * KIB, 16 * MIB, 64 * MIB].map(Some));
        assert_eq!(shares(zen.0, zen.1, zen.2, 2), [16 * KIB, 512 * KIB, 8 * MIB, 32 * MIB].map(Some));
        // Too many to tell what they share from what each has: not for memory, which there is enough of.
        assert_eq!(shares(zen.0, zen.1, zen.2, 64), [Some(16 * KIB), Some(512 * KIB), None, Some(2 * MIB)]);
        // No third level; one too large to read past it; a second that is hardly larger than the first; sizes of no machine.
        assert_eq!(shares(32 * KIB, 512 * KIB, 0, 1), [Some(16 * KIB), Some(256 * KIB), None, Some(64 * MIB)]);
        assert_eq!(shares(48 * KIB, 2 * MIB, 300 * MIB, 1)[2..], [Some(16 * MIB), None]);
        assert_eq!(shares(32 * KIB, 64 * KIB, 0, 1)[..2], [Some(16 * KIB), None]);
        assert_eq!(shares(32 * KIB, usize::MAX >> 4, usize::MAX, 1), [Some(16 * KIB), None, None, None]);
    }

    #[test]
    fn every_number_is_read() {
        for isa in Isa::available() {
            let buffer: Vec<f32> = (0..3 * BLOCK).map(|at| (at % 7) as f32).collect();
            // What lane 0 adds up: every number whose place is a multiple of the lanes.
            let lanes = f32::dispatch(isa, Lanes);
            let expected: f32 = buffer.iter().step_by(lanes).sum();
            let kernel = Reads { buffer: &buffer, passes: 2, factor: 1.0 };
            assert_eq!(f32::dispatch(isa, kernel), 2.0 * expected, "{isa}");
        }
    }

    struct Lanes;

    impl Kernel<f32> for Lanes {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd<f32>>(self, _: S) -> usize {
            S::LANES
        }
    }

    #[test]
    fn every_tier_reads_on_any_number_of_threads() {
        for isa in Isa::available() {
            for threads in [0, 1, 2] {
                let read = read_bandwidth(isa, Level::L1, threads).expect("there is a first level");
                assert!(read.is_finite() && read > 0.0, "{read} on {isa}");
            }
        }
    }

    #[test]
    fn every_level_that_can_be_told_apart_is_read() {
        for level in Level::ALL {
            let read = read_bandwidth(Isa::current(), level, 1);
            assert_eq!(read.is_some(), level.share(caches(), 1).is_some(), "{level}");
            assert!(read.is_none_or(|read| read.is_finite() && read > 0.0), "{read:?} from {level}");
        }
    }
}
