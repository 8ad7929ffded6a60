//! The machine's peak, measured again after every row.
//!
//! A row is the best of a second or two, in which the clock of a shared machine rises and falls. A peak that is taken once, before the
//! first row, may be that of a slow moment, which rows then seem to exceed. So each is set against the best until then.

use std::time::Duration;

use deltarule::Element;

use super::measure::settle;
use crate::machine::{peak, peak_within};

/// Spent after each row: a few measurements.
const AGAIN: Duration = Duration::from_millis(20);

/// The best of all measurements so far.
pub(super) struct Peak {
    measure: fn(usize, Duration) -> f64,
    threads: usize,
    gflops: f64,
}

impl Peak {
    /// Measures thoroughly, on so many threads.
    pub(super) fn new<T: Element>(threads: usize) -> Self {
        Self { measure: peak_within::<T>, threads, gflops: peak::<T>(threads) }
    }

    /// GFLOP/s.
    pub(super) fn gflops(&self) -> f64 {
        self.gflops
    }

    /// Measures again, when the row's threads are asleep; GFLOP/s.
    pub(super) fn again(&mut self) -> f64 {
        if self.threads > 1 {
            settle();
        }
        self.gflops = self.gflops.max((self.measure)(self.threads, AGAIN));
        self.gflops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_kept() {
        let slower = |threads, _| 1.0 / threads as f64;
        let mut peak = Peak { measure: slower, threads: 2, gflops: 0.2 };
        assert_eq!([peak.again(), peak.gflops()], [0.5; 2]);
        peak.threads = 4;
        assert_eq!(peak.again(), 0.5);
    }
}
