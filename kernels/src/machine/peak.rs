//! The limit: how many multiply-adds a second the machine makes when nothing else stands in the way.
//!
//! Independent chains of fused multiply-adds on registers, on the tier in use. A fused multiply-add takes four or five cycles and two start each
//! cycle, on some CPUs four, so ten or twenty chains keep all units full: as many as three quarters of the registers hold, which leaves
//! room for two constants (twelve of 16, twenty-four of 32). With several threads all run at once, as they do in a product: that way shared
//! clocks and shared power count.
//!
//! A chain runs through the addend, which is what Arm's instruction overwrites; x86's may overwrite any of the three. Only where a
//! multiply-add is a product and a sum it runs through the product, which would otherwise be the same at each step, and made but once.

use super::at_once::at_once;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

const STEPS: usize = 20_000;
const TRIES: usize = 60;

/// The most chains that there are.
const MOST: usize = 24;

/// Factor, term and where each chain starts: numbers that the compiler does not know, or it might make one chain of several that are alike.
struct Chains<T> {
    factor: T,
    term: T,
    starts: [T; MOST],
    fused: bool,
}

impl<T: Element> Chains<T> {
    /// From 1 in halves: after as many steps still an exact number.
    fn new(isa: Isa) -> Self {
        Self {
            factor: black_box(T::from_f64(0.5)),
            term: black_box(T::ONE),
            starts: black_box([T::ONE; MOST]),
            // A tier that is absent has another run in its place.
            fused: isa.fuses() && isa.is_available(),
        }
    }
}

impl<T: Element> Kernel<T> for Chains<T> {
    /// Multiply-adds a step, and the sum, so that nothing is optimised away.
    type Output = (usize, T);

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) -> (usize, T) {
        match const { chains_of(S::REGISTERS) } {
            MOST => self.run_side_by_side::<S, MOST>(s),
            12 => self.run_side_by_side::<S, 12>(s),
            _ => self.run_side_by_side::<S, 6>(s),
        }
    }
}

/// Chains that fill so many registers, beside two constants.
const fn chains_of(registers: usize) -> usize {
    match registers {
        32.. => MOST,
        16.. => 12,
        _ => 6,
    }
}

impl<T: Element> Chains<T> {
    #[inline(always)]
    fn run_side_by_side<S: Simd<T>, const N: usize>(self, s: S) -> (usize, T) {
        let (factor, term) = (s.splat(self.factor), s.splat(self.term));
        let mut chains = [term; N];
        for (chain, start) in chains.iter_mut().zip(self.starts) {
            *chain = s.splat(start);
        }
        if self.fused {
            for _ in 0..STEPS {
                for chain in &mut chains {
                    *chain = s.mul_add(factor, term, *chain);
                }
            }
        } else {
            for _ in 0..STEPS {
                for chain in &mut chains {
                    *chain = s.mul_add(*chain, factor, term);
                }
            }
        }
        let sum = chains.into_iter().fold(term, |sum, chain| s.add(sum, chain));
        let mut out = [T::ZERO; 16];
        // SAFETY: no tier's vector has more than 16 elements, and `out` has room for one.
        unsafe { s.store_partial(out.as_mut_ptr(), S::LANES.min(16), sum) };
        (N * S::LANES, out[0])
    }
}

/// One thread's GFLOP/s in its best try, once all threads are there.
fn best_try<T: Element>(isa: Isa, start: &Barrier) -> f64 {
    let mut best = f64::INFINITY;
    let mut each_step = 1;
    start.wait();
    for _ in 0..TRIES {
        let kernel = Chains::<T>::new(isa);
        let begin = Instant::now();
        let (multiply_adds, sum) = T::dispatch(isa, kernel);
        let took = begin.elapsed().as_secs_f64();
        black_box(sum);
        each_step = multiply_adds;
        best = best.min(took);
    }
    2.0 * (STEPS * each_step) as f64 / best / 1e9
}

/// The machine's fused multiply-adds, in GFLOP/s, on `threads` threads at once; none at all is one. Where the system starts fewer, it is
/// that of fewer.
pub fn peak_gflops<T: Element>(isa: Isa, threads: usize) -> f64 {
    at_once(threads, |start| best_try::<T>(isa, start)).into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_leave_registers_for_the_constants() {
        for registers in [8, 16, 32] {
            assert_eq!(chains_of(registers), registers * 3 / 4);
        }
    }

    #[test]
    fn every_tier_has_a_peak_on_any_number_of_threads() {
        for isa in Isa::available() {
            for threads in [0, 1, 2] {
                let peaks = [peak_gflops::<f32>(isa, threads), peak_gflops::<f64>(isa, threads)];
                assert!(peaks.into_iter().all(|peak| peak.is_finite() && peak > 0.0), "{peaks:?} on {isa}");
            }
        }
    }
}
