//! Timing: batches long enough for the clock, contenders taken in turn, the minimum kept.
//!
//! Other programs only ever add time, and they come in waves longer than a batch. So each contender's time is the
//! minimum over many short batches, and in every round all contenders run one after the other: a wave hits all alike.
//! Each timed batch follows an untimed one of the same contender, which brings its data and threads back.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How long a batch should take: the clock's own cost is then far under a thousandth.
const BATCH: Duration = Duration::from_millis(1);
/// Spent letting a neighbour's spinning threads go to sleep, where threads are in play: as long as the repository's `versus` gives its peers,
/// some of which spin for 5 ms. (After one millisecond, whoever came next had but one core.)
const SETTLE: Duration = Duration::from_millis(10);

/// Something that can be done again and again.
pub(super) struct Timed<'a> {
    call: Box<dyn FnMut() -> Result<(), Failure> + 'a>,
    calls: usize,
    best: f64,
}

impl<'a> Timed<'a> {
    /// Ready to be timed.
    pub(super) fn new(call: impl FnMut() -> Result<(), Failure> + 'a) -> Self {
        Self { call: Box::new(call), calls: 1, best: f64::INFINITY }
    }

    /// Seconds a call: the minimum so far.
    pub(super) fn seconds(&self) -> f64 {
        self.best
    }

    fn batch(&mut self, calls: usize) -> Result<Duration, Failure> {
        let start = Instant::now();
        for _ in 0..calls {
            (self.call)()?;
        }
        Ok(start.elapsed())
    }

    /// Finds how many calls make a batch.
    fn calibrate(&mut self) -> Result<(), Failure> {
        self.batch(1)?;
        loop {
            let took = self.batch(self.calls)?;
            if took >= BATCH / 2 {
                let scale = BATCH.as_secs_f64() / took.as_secs_f64();
                self.calls = ((self.calls as f64 * scale) as usize).max(1);
                return Ok(());
            }
            self.calls *= 2;
        }
    }

    fn round(&mut self, settle: bool) -> Result<(), Failure> {
        if settle {
            std::thread::sleep(SETTLE);
        }
        self.batch(self.calls.div_ceil(4))?;
        let took = self.batch(self.calls)?;
        self.best = self.best.min(took.as_secs_f64() / self.calls as f64);
        Ok(())
    }
}

/// Times all contenders in turn for about `seconds`, at least one round.
pub(super) fn in_turn(contenders: &mut [Timed<'_>], seconds: f64, settle: bool) -> Result<(), Failure> {
    for contender in contenders.iter_mut() {
        contender.calibrate()?;
    }
    let start = Instant::now();
    loop {
        for contender in contenders.iter_mut() {
            contender.round(settle)?;
        }
        if start.elapsed().as_secs_f64() >= seconds {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[test]
    fn the_minimum_is_kept_and_every_contender_runs() {
        let wait = |micros| {
            move || {
                sleep(Duration::from_micros(micros));
                Ok(())
            }
        };
        let mut contenders = [Timed::new(wait(200)), Timed::new(wait(800))];
        in_turn(&mut contenders, 0.0, false).expect("sleeping cannot fail");
        assert!(contenders[0].seconds() >= 2e-4 && contenders[0].seconds() < 1.0);
        assert!(contenders[1].seconds() >= 8e-4 && contenders[1].seconds() < 1.0);
    }

    #[test]
    fn a_failure_ends_the_timing() {
        let mut contenders = [Timed::new(|| Err(Failure::Other("no".into())))];
        assert!(in_turn(&mut contenders, 0.0, false).is_err());
    }
}
