//! The limit: how many multiply-adds a second the machine makes when nothing else stands in the way.
//!
//! Twelve independent chains of fused multiply-adds on registers, on the tier in use. A fused multiply-add takes four
//! or five cycles and two start each cycle, so ten chains or more keep both units full, and twelve with two constants
//! fit the sixteen registers of AVX2. With several threads all run at once, as they do in a product: that way shared
//! clocks and shared power count.

use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

const CHAINS: usize = 12;
const STEPS: usize = 20_000;
const TRIES: usize = 60;

struct Chains<T> {
    factor: T,
    term: T,
}

impl<T: Element> Kernel<T> for Chains<T> {
    /// Elements a vector, and the sum, so that nothing is optimised away.
    type Output = (usize, T);

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) -> (usize, T) {
        let (factor, term) = (s.splat(self.factor), s.splat(self.term));
        let mut chains = [s.splat(T::ONE); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = s.mul_add(*chain, factor, term);
            }
        }
        let sum = chains.into_iter().fold(term, |sum, chain| s.add(sum, chain));
        let mut out = [T::ZERO; 16];
        // SAFETY: no tier's vector has more than 16 elements, and `out` has room for one.
        unsafe { s.store_partial(out.as_mut_ptr(), S::LANES.min(16), sum) };
        (S::LANES, out[0])
    }
}

/// One thread's GFLOP/s in its best try.
fn best_try<T: Element>(isa: Isa, start: &Barrier) -> f64 {
    let mut best = f64::INFINITY;
    let mut lanes = 1;
    start.wait();
    for _ in 0..TRIES {
        let kernel = Chains { factor: black_box(T::from_f64(0.5)), term: black_box(T::ONE) };
        let begin = Instant::now();
        let (wide, sum) = T::dispatch(isa, kernel);
        let took = begin.elapsed().as_secs_f64();
        black_box(sum);
        lanes = wide;
        best = best.min(took);
    }
    2.0 * (CHAINS * STEPS * lanes) as f64 / best / 1e9
}

/// The machine's fused multiply-adds, in GFLOP/s, on `threads` threads at once.
pub fn peak_gflops<T: Element>(isa: Isa, threads: usize) -> f64 {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| best_try::<T>(isa, &start))).collect();
        let own = best_try::<T>(isa, &start);
        own + others.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum::<f64>()
    })
}
