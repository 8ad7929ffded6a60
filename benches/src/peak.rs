//! The machine's peak, measured in turns with those that are set against it.
//!
//! Contenders keep their best of several seconds, in which the clock of a shared machine rises and falls. A peak that is
//! taken once, within milliseconds, may be that of a slow moment, and contenders seem to exceed it. So it is measured
//! again between their rounds, and the best of the whole run so far is kept, as theirs is.

use crate::measure;
use deltarule_kernels::machine::peak_gflops;
use deltarule_kernels::{Element, Isa};
use std::time::{Duration, Instant};

/// From one measurement to the next. One takes a few milliseconds: most of the time is left to the contenders.
const PAUSE: Duration = Duration::from_millis(50);

/// Spent measuring before the first row, so that later ones seldom raise what it was set against.
const FIRST: Duration = Duration::from_millis(500);

/// The best of all measurements so far.
pub struct Peak {
    measure: Box<dyn FnMut() -> f64>,
    gflops: f64,
    last: Instant,
    exceeded: bool,
}

impl Peak {
    /// Measures for about half a second, on so many threads.
    pub fn new<T: Element>(threads: usize) -> Self {
        let end = Instant::now() + FIRST;
        let mut peak = Self::by(move || {
            if threads > 1 {
                measure::settle();
            }
            peak_gflops::<T>(Isa::current(), threads)
        });
        while Instant::now() < end {
            peak.again();
        }
        peak
    }

    fn by(mut measure: impl FnMut() -> f64 + 'static) -> Self {
        let gflops = measure();
        Self { measure: Box::new(measure), gflops, last: Instant::now(), exceeded: false }
    }

    /// GFLOP/s.
    pub fn gflops(&self) -> f64 {
        self.gflops
    }

    /// Measures again.
    pub fn again(&mut self) {
        self.gflops = self.gflops.max((self.measure)());
        self.last = Instant::now();
    }

    /// Measures again if the last time is long enough ago: to be called between the rounds of contenders.
    pub fn between_rounds(&mut self) {
        if self.last.elapsed() >= PAUSE {
            self.again();
        }
    }

    /// Seconds that so many operations take at the peak.
    pub fn limit(&self, flops: f64) -> f64 {
        flops / self.gflops / 1e9
    }

    /// The per cent of the peak that so many operations in so many seconds are, marked where that is more than all of it.
    pub fn percent(&mut self, flops: f64, seconds: f64) -> String {
        let percent = 100.0 * self.limit(flops) / seconds;
        let more = percent > 100.0;
        self.exceeded |= more;
        format!("{percent:.1}{}", if more { "*" } else { "" })
    }

    /// What is to be said below a table, all of whose rows have been printed.
    pub fn print_notes(&self) {
        println!(
            "\nFMA peak {:.1} GFLOP/s, the best of the whole run; each row is set against the best until then",
            self.gflops
        );
        if self.exceeded {
            println!("* more than the peak: the clock rose after the peak was measured");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_kept_and_what_exceeds_it_is_marked() {
        let mut measured = [2.0, 4.0, 3.0].into_iter();
        let mut peak = Peak::by(move || measured.next().unwrap());
        assert_eq!(peak.percent(3e9, 1.0), "150.0*");
        assert!(peak.exceeded);
        peak.again();
        peak.again();
        assert_eq!((peak.gflops(), peak.limit(8e9)), (4.0, 2.0));
        assert_eq!(peak.percent(3e9, 1.0), "75.0");
    }
}
