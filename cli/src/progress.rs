//! What is seen while a model learns: a bar in a terminal, a few plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use deltarule::{Progress, Record};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::say::{duration, note, per_second, short};

/// Plain lines that a whole run writes, about.
const LINES: u64 = 10;
/// The bar is drawn no more often than this.
const REDRAW: Duration = Duration::from_millis(80);

/// Follows a run.
pub(crate) struct Watcher {
    mode: Mode,
    metric: &'static str,
    begun: Instant,
    drawn: Instant,
    /// Batches that lay before the first one seen, after a resume; `None` until there is one.
    before: Option<u64>,
    /// The last epoch that has ended.
    last: Option<Record>,
    /// Its line, where that has not been written.
    unwritten: Option<String>,
}

enum Mode {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Watcher {
    /// A watcher of a run whose metric has this name; `quiet` says nothing.
    pub(crate) fn new(quiet: bool, metric: &'static str) -> Self {
        let mode = if quiet {
            Mode::Silent
        } else if std::io::stderr().is_terminal() {
            Mode::Bar(bar())
        } else {
            Mode::Lines
        };
        let now = Instant::now();
        Self { mode, metric, begun: now, drawn: now, before: None, last: None, unwritten: None }
    }

    /// Takes note of a batch or of an epoch.
    pub(crate) fn observe(&mut self, progress: &Progress<'_>) {
        let batches_before = *self.before.get_or_insert_with(|| batches_done(progress).saturating_sub(1));
        if let Some(record) = progress.record {
            self.last = Some(*record);
        }
        match &self.mode {
            Mode::Silent => {}
            Mode::Lines => {
                if let Some(record) = progress.record {
                    let line = self.epoch_line(record, progress.epochs);
                    if has_a_line(record.epoch + 1, progress.epochs) {
                        note(&line);
                        self.unwritten = None;
                    } else {
                        self.unwritten = Some(line);
                    }
                }
            }
            Mode::Bar(bar) => {
                let now = Instant::now();
                if progress.record.is_some() || now.duration_since(self.drawn) >= REDRAW {
                    self.drawn = now;
                    self.draw(bar, progress, batches_before);
                }
            }
        }
    }

    /// Says what must be known even of a run that says nothing else, without a scratch to the bar.
    pub(crate) fn warn(&self, line: &str) {
        match &self.mode {
            Mode::Bar(bar) => bar.suspend(|| note(line)),
            Mode::Silent | Mode::Lines => note(line),
        }
    }

    /// Removes the bar, or writes the line of the last epoch: that it is the last, where patience runs out, is known only now.
    pub(crate) fn finish(&mut self) {
        if let Mode::Bar(bar) = &self.mode {
            bar.finish_and_clear();
        }
        if let Some(line) = self.unwritten.take() {
            note(&line);
        }
    }

    /// Seconds since the run began.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn draw(&self, bar: &ProgressBar, progress: &Progress<'_>, before: u64) {
        bar.set_length(all_batches(progress));
        bar.set_position(batches_done(progress));
        bar.set_prefix(format!("epoch {}/{}", progress.epoch + 1, progress.epochs));
        bar.set_message(self.bar_words(progress, before, self.seconds()));
        bar.tick();
    }

    /// What stands beside the bar, so many seconds after the run began or went on, `before` batches of it being done by then.
    fn bar_words(&self, progress: &Progress<'_>, before: u64, seconds: f64) -> String {
        let done = batches_done(progress);
        let pace = done.saturating_sub(before) as f64 / seconds.max(1e-3);
        let left = all_batches(progress).saturating_sub(done) as f64 / pace.max(1e-9);
        let rows_a_batch = progress.samples as f64 / done.max(1) as f64;
        let mut words = format!("loss {}", short(progress.loss));
        if let Some(record) = &self.last {
            if let Some(loss) = record.validation_loss {
                words += &format!(" · validation {}", short(loss));
            }
            if let Some(score) = record.validation_score {
                words += &format!(" · {} {score:.4}", self.metric);
            }
        }
        words + &format!(" · {} samples/s · {} left", per_second(pace * rows_a_batch), duration(left))
    }

    /// The line of an epoch of so many.
    fn epoch_line(&self, record: &Record, epochs: u64) -> String {
        let width = epochs.to_string().len();
        let mut line = format!("epoch {:>width$}/{epochs}  loss {:<9}", record.epoch + 1, short(record.loss));
        if let Some(loss) = record.validation_loss {
            line += &format!("  validation {:<9}", short(loss));
        }
        if let Some(score) = record.validation_score {
            line += &format!("  {} {score:.4}", self.metric);
        }
        line.trim_end().to_string()
    }
}

/// Whether an epoch, counted from 1, has a line as soon as it has ended: the first, the last, and some between.
fn has_a_line(epoch: u64, epochs: u64) -> bool {
    epoch == 1 || epoch == epochs || epoch.is_multiple_of(epochs.div_ceil(LINES).max(1))
}

fn all_batches(progress: &Progress<'_>) -> u64 {
    progress.epochs.saturating_mul(progress.batches)
}

fn batches_done(progress: &Progress<'_>) -> u64 {
    progress.epoch.saturating_mul(progress.batches).saturating_add(progress.batch)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    // The template is a constant; were it wrong, the plain bar would do.
    if let Ok(style) = ProgressStyle::with_template("{prefix:>12} {bar:20.blue/dim} {wide_msg}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use deltarule::{Dataset, Loss, Mlp, Plan, Trainer};

    use super::*;

    /// What a run says of its only epoch; only the library makes these, and a test changes the numbers.
    fn of_an_epoch(test: impl Fn(Progress<'_>, Record)) {
        let rows = Dataset::with_values(vec![0.0, 1.0], 1, vec![0.0, 1.0], 1).expect("two rows");
        let model = Mlp::<f32>::builder(&[1, 1]).build().expect("a model");
        let mut trainer = Trainer::new(model, Plan::new(Loss::SquaredError).epochs(1)).expect("a plan");
        let finish = trainer.fit(&rows, None, |progress| {
            if let Some(record) = progress.record {
                test(*progress, *record);
            }
            ControlFlow::Continue(())
        });
        finish.expect("finite");
        assert_eq!(trainer.history().len(), 1, "it was tested");
    }

    #[test]
    fn few_epochs_of_many_have_a_line() {
        let lines = |epochs| (1..=epochs).filter(|&epoch| has_a_line(epoch, epochs)).collect::<Vec<_>>();
        assert_eq!(lines(1), [1]);
        assert_eq!(lines(4), [1, 2, 3, 4]);
        assert_eq!(lines(25), [1, 3, 6, 9, 12, 15, 18, 21, 24, 25]);
        assert_eq!(lines(100), [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    }

    #[test]
    fn a_line_says_what_an_epoch_has() {
        of_an_epoch(|_, mut record| {
            let watcher = Watcher::new(true, "accuracy");
            (record.epoch, record.loss) = (2, 0.5);
            assert_eq!(watcher.epoch_line(&record, 100), "epoch   3/100  loss 0.5000");
            (record.validation_loss, record.validation_score) = (Some(0.125), Some(0.9));
            let line = "epoch   3/100  loss 0.5000     validation 0.1250     accuracy 0.9000";
            assert_eq!(watcher.epoch_line(&record, 100), line);
        });
    }

    /// A run of four epochs of ten batches of 32 rows is in the middle of its second, and has done five of them somewhere before.
    #[test]
    fn the_bar_says_how_long_it_takes() {
        of_an_epoch(|mut progress, mut record| {
            let mut watcher = Watcher::new(true, "R²");
            (progress.epoch, progress.epochs, progress.batch, progress.batches) = (1, 4, 5, 10);
            (progress.samples, progress.loss) = (15 * 32, 0.25);
            assert_eq!(watcher.bar_words(&progress, 5, 2.0), "loss 0.2500 · 160 samples/s · 5.0 s left");
            (record.validation_loss, record.validation_score) = (Some(0.125), Some(0.9));
            watcher.last = Some(record);
            let words = "loss 0.2500 · validation 0.1250 · R² 0.9000 · 160 samples/s · 5.0 s left";
            assert_eq!(watcher.bar_words(&progress, 5, 2.0), words);
        });
    }
}
