//! Timing: batches long enough for the clock, contenders taken in turn, the minimum kept.
//!
//! Other programs only ever add time, and they come in waves longer than a batch. So each contender's time is the
//! minimum over many short batches, and in every round all contenders run one after the other: a wave hits all alike. Each
//! round begins with another of them, and every second one goes backwards: what comes between rounds, the measurement of the peak, is not always
//! the same one's neighbour, nor does each always follow the same one.
//! Each timed batch follows an untimed one of the same contender, which brings its data and threads back after its neighbour's.

use std::time::{Duration, Instant};

/// How long a batch should take, if nothing else is said: the clock's own cost (~25 ns) is then far under a thousandth.
pub const BATCH: Duration = Duration::from_millis(1);
/// Spent letting a neighbour's spinning threads go to sleep, where threads are in play: GCC's OpenMP turns 300,000 rounds first, which
/// took 5 ms on a Zen 4 core. (After one millisecond, whoever came next had but one core: 128³ on two threads 112 for 210.)
const SETTLE: Duration = Duration::from_millis(10);

/// Makes so many calls.
type Run<'a, E> = Box<dyn FnMut(usize) -> Result<(), E> + 'a>;

/// Something that can be done again and again.
pub struct Timed<'a, E> {
    run: Run<'a, E>,
    window: Duration,
    pause: Option<Duration>,
    calls: usize,
    best: f64,
}

impl<'a, E> Timed<'a, E> {
    /// `run(calls)` makes that many calls.
    pub fn new(run: impl FnMut(usize) -> Result<(), E> + 'a) -> Self {
        Self { run: Box::new(run), window: BATCH, pause: None, calls: 1, best: f64::INFINITY }
    }

    /// One `call`, as often as is wanted.
    pub fn calling(mut call: impl FnMut() -> Result<(), E> + 'a) -> Self {
        Self::new(move |calls| (0..calls).try_for_each(|_| call()))
    }

    /// With batches of this length. The minimum over few long ones is higher than over many short ones, so contenders that are compared have
    /// the same.
    #[must_use]
    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// Call by call, each after a sleep that is not timed: threads that wait for work have gone to sleep by then.
    #[must_use]
    pub fn after_pauses(self, pause: Duration) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// Seconds a call: the minimum so far.
    pub fn seconds(&self) -> f64 {
        self.best
    }

    fn batch(&mut self, calls: usize) -> Result<Duration, E> {
        let start = Instant::now();
        (self.run)(calls)?;
        Ok(start.elapsed())
    }

    /// Finds how many calls make a batch.
    fn calibrate(&mut self) -> Result<(), E> {
        self.batch(1)?;
        if self.pause.is_some() {
            return Ok(());
        }
        loop {
            let took = self.batch(self.calls)?;
            if took >= self.window / 2 {
                let scale = self.window.as_secs_f64() / took.as_secs_f64();
                self.calls = ((self.calls as f64 * scale) as usize).max(1);
                return Ok(());
            }
            self.calls *= 2;
        }
    }

    fn round(&mut self, settle: bool) -> Result<(), E> {
        if settle {
            self::settle();
        }
        match self.pause {
            Some(pause) => std::thread::sleep(pause),
            None => _ = self.batch(self.calls.div_ceil(4))?,
        }
        let took = self.batch(self.calls)?;
        self.best = self.best.min(took.as_secs_f64() / self.calls as f64);
        Ok(())
    }
}

/// Lets a neighbour's spinning threads go to sleep.
pub fn settle() {
    std::thread::sleep(SETTLE);
}

/// All of them, from another one on in each round; backwards in every second one. After a pause a call finds in the caches what the contender
/// before it has left there, and each has both its neighbours before it (Emerald Rapids, 1×128×784 nt on one thread, behind the same of ours
/// 20 µs, behind another library 41).
fn order<'a, 'b, E>(contenders: &'a mut [Timed<'b, E>], round: usize) -> Vec<&'a mut Timed<'b, E>> {
    let many = contenders.len();
    let backwards = round % 2 == 1;
    let (last, first) = contenders.split_at_mut((round % many.max(1) + usize::from(backwards)).min(many));
    let mut order: Vec<_> = first.iter_mut().chain(last).collect();
    if backwards {
        order.reverse();
    }
    order
}

/// Times all contenders in interleaved rounds for about `budget`, at least `least` rounds, after each of which comes what belongs `between` them.
///
/// # Errors
/// The first failure of a call, which ends the timing.
pub fn interleaved<E>(
    contenders: &mut [Timed<'_, E>],
    budget: Duration,
    least: usize,
    settle: bool,
    mut between: impl FnMut(),
) -> Result<(), E> {
    for contender in contenders.iter_mut() {
        contender.calibrate()?;
    }
    let end = Instant::now() + budget;
    let mut rounds = 0;
    while rounds < least || Instant::now() < end {
        for contender in order(contenders, rounds) {
            contender.round(settle)?;
        }
        between();
        rounds += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::thread::sleep;

    #[test]
    fn each_round_begins_with_another_contender_and_every_second_goes_backwards() {
        let order = RefCell::new(Vec::new());
        let note = |who| {
            let order = &order;
            let noted = Timed::new(move |_| {
                order.borrow_mut().push(who);
                Ok::<(), Infallible>(())
            });
            noted.window(Duration::ZERO)
        };
        let mut contenders: Vec<_> = (0..3).map(note).collect();
        let Ok(()) = interleaved(&mut contenders, Duration::ZERO, 4, false, || order.borrow_mut().push(9));
        drop(contenders);
        let order = order.into_inner();
        let mut rounds = order.rsplit(|who| *who == 9).skip(1).collect::<Vec<_>>();
        rounds.reverse();
        // What was counted out before the first round stands before it; everybody has an untimed batch and a timed one.
        assert!(rounds[0].ends_with(&[0, 0, 1, 1, 2, 2]));
        assert_eq!(rounds[1..], [[1, 1, 0, 0, 2, 2], [2, 2, 0, 0, 1, 1], [0, 0, 2, 2, 1, 1]]);
    }

    #[test]
    fn after_a_pause_one_call_is_timed() {
        let mut made = Vec::new();
        let noted = Timed::new(|calls| {
            made.push((calls, Instant::now()));
            Ok::<(), Infallible>(())
        });
        let mut paused = [noted.after_pauses(Duration::from_millis(2))];
        let Ok(()) = interleaved(&mut paused, Duration::ZERO, 2, false, || ());
        drop(paused);
        assert_eq!(made.iter().map(|call| call.0).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(made.windows(2).all(|pair| pair[1].1 - pair[0].1 >= Duration::from_millis(2)));
    }

    #[test]
    fn the_minimum_is_kept_and_every_contender_runs() {
        let wait = |micros| {
            Timed::new(move |calls| {
                sleep(Duration::from_micros(micros) * calls as u32);
                Ok::<(), Infallible>(())
            })
        };
        let mut contenders = [wait(200), wait(800)];
        let mut rounds = 0;
        let Ok(()) = interleaved(&mut contenders, Duration::from_millis(1), 2, false, || rounds += 1);
        assert!(rounds >= 2);
        assert!(contenders[0].seconds() >= 2e-4 && contenders[0].seconds() < 1.0);
        assert!(contenders[1].seconds() >= 8e-4 && contenders[1].seconds() < 1.0);
    }

    #[test]
    fn a_failure_ends_the_timing() {
        let mut contenders = [Timed::calling(|| Err("no"))];
        assert_eq!(interleaved(&mut contenders, Duration::ZERO, 1, false, || ()), Err("no"));
    }
}
