//! Timing: batches long enough for the clock, contenders taken in turn, the minimum kept.
//!
//! Noise on a shared machine only ever adds time, and comes in waves longer than a batch. So each contender's time
//! is the minimum over many short batches, and in every round all contenders run one after the other: a wave hits
//! all of them alike. Each round begins with another of them: what comes between rounds, the measurement of the peak, is
//! not always the same one's neighbour. Each timed batch follows an untimed one of the same contender, which brings its own data and
//! threads back after its neighbour's.

use crate::options::Options;
use std::time::{Duration, Instant};

/// How long a batch should take, if nothing else is said: the clock's own cost (~25 ns) is then far under a thousandth.
const BATCH: Duration = Duration::from_millis(1);
/// Spent letting a neighbour's spinning threads go to sleep, where threads are in play: GCC's OpenMP turns 300,000 rounds first, which
/// took 5 ms on a Zen 4 core. (After one millisecond, whoever came next had but one core: 128³ on two threads 112 for 210.)
const SETTLE: Duration = Duration::from_millis(10);

/// Something that can be repeated.
pub struct Timed<'a> {
    run: Box<dyn FnMut(usize) + 'a>,
    window: Duration,
    pause: Option<Duration>,
    calls: usize,
    best: f64,
}

impl<'a> Timed<'a> {
    /// `run(calls)` makes that many calls.
    pub fn new(run: impl FnMut(usize) + 'a) -> Self {
        Self { run: Box::new(run), window: BATCH, pause: None, calls: 1, best: f64::INFINITY }
    }

    /// With batches of this length. The minimum over few long ones is higher than over many short ones, so contenders that are compared have
    /// the same.
    #[must_use]
    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// As the command line says: with batches of another length, or of one call, each after a sleep that is not timed. Threads that wait for
    /// work have gone to sleep by then.
    #[must_use]
    pub fn asked(self, options: &Options) -> Self {
        let milliseconds = |value: f64| Duration::from_secs_f64(value / 1e3);
        let window = options.window.map_or(self.window, milliseconds);
        Self { window, pause: options.pause.map(milliseconds), ..self }
    }

    /// Seconds a call: the minimum so far.
    pub fn seconds(&self) -> f64 {
        self.best
    }

    fn batch(&mut self, calls: usize) -> Duration {
        let start = Instant::now();
        (self.run)(calls);
        start.elapsed()
    }

    /// Finds how many calls make a batch.
    fn calibrate(&mut self) {
        self.batch(1);
        if self.pause.is_some() {
            return;
        }
        loop {
            let took = self.batch(self.calls);
            if took >= self.window / 2 {
                let scale = self.window.as_secs_f64() / took.as_secs_f64();
                self.calls = ((self.calls as f64 * scale) as usize).max(1);
                return;
            }
            self.calls *= 2;
        }
    }

    fn round(&mut self, settle: bool) {
        if settle {
            self::settle();
        }
        match self.pause {
            Some(pause) => std::thread::sleep(pause),
            None => _ = self.batch(self.calls.div_ceil(4)),
        }
        let took = self.batch(self.calls);
        self.best = self.best.min(took.as_secs_f64() / self.calls as f64);
    }
}

/// Lets a neighbour's spinning threads go to sleep.
pub fn settle() {
    std::thread::sleep(SETTLE);
}

/// Times all contenders in interleaved rounds for about `budget`, at least `least` rounds, after each of which comes what belongs `between` them.
pub fn interleaved(
    contenders: &mut [Timed<'_>],
    budget: Duration,
    least: usize,
    settle: bool,
    mut between: impl FnMut(),
) {
    for contender in contenders.iter_mut() {
        contender.calibrate();
    }
    let end = Instant::now() + budget;
    let mut rounds = 0;
    while rounds < least || Instant::now() < end {
        let (last, first) = contenders.split_at_mut(rounds % contenders.len().max(1));
        for contender in first.iter_mut().chain(last) {
            contender.round(settle);
        }
        between();
        rounds += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn each_round_begins_with_another_contender() {
        let order = RefCell::new(Vec::new());
        let note = |who| {
            let order = &order;
            Timed::new(move |_| order.borrow_mut().push(who)).window(Duration::ZERO)
        };
        let mut contenders: Vec<_> = (0..3).map(note).collect();
        interleaved(&mut contenders, Duration::ZERO, 4, false, || order.borrow_mut().push(9));
        drop(contenders);
        let order = order.into_inner();
        let mut rounds = order.rsplit(|who| *who == 9).skip(1).collect::<Vec<_>>();
        rounds.reverse();
        // What was counted out before the first round stands before it; everybody has an untimed batch and a timed one.
        assert!(rounds[0].ends_with(&[0, 0, 1, 1, 2, 2]));
        assert_eq!(rounds[1..], [[1, 1, 2, 2, 0, 0], [2, 2, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2]]);
    }

    #[test]
    fn after_a_pause_one_call_is_timed() {
        let mut made = Vec::new();
        let options = Options { pause: Some(2.0), ..Options::default() };
        let mut paused = [Timed::new(|calls| made.push((calls, Instant::now()))).asked(&options)];
        interleaved(&mut paused, Duration::ZERO, 2, false, || ());
        drop(paused);
        assert_eq!(made.iter().map(|call| call.0).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(made.windows(2).all(|pair| pair[1].1 - pair[0].1 >= Duration::from_millis(2)));
    }

    #[test]
    fn the_minimum_is_kept_and_every_contender_runs() {
        let mut contenders = vec![
            Timed::new(|calls| std::thread::sleep(Duration::from_micros(200) * calls as u32)),
            Timed::new(|calls| std::thread::sleep(Duration::from_micros(800) * calls as u32)),
        ];
        let mut rounds = 0;
        interleaved(&mut contenders, Duration::from_millis(1), 2, false, || rounds += 1);
        assert!(rounds >= 2);
        assert!(contenders[0].seconds() >= 2e-4);
        assert!(contenders[1].seconds() >= 8e-4 && contenders[1].seconds() < 1.0);
    }
}
