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
        Self { mode, metric, begun: now, drawn: now, before: None, last: None }
    }

    /// Takes note of a batch or of an epoch.
    pub(crate) fn observe(&mut self, progress: &Progress<'_>) {
        let batches_before = *self.before.get_or_insert_with(|| batches_done(progress).saturating_sub(1));
        if let Some(record) = progress.record {
            self.last = Some(*record);
        }
        match &self.mode {
            Mode::Silent => {}
            Mode::Lines => self.line(progress),
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

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Mode::Bar(bar) = &self.mode {
            bar.finish_and_clear();
        }
    }

    /// Seconds since the run began.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn draw(&self, bar: &ProgressBar, progress: &Progress<'_>, before: u64) {
        let total = progress.epochs.saturating_mul(progress.batches);
        let done = batches_done(progress);
        let seconds = self.seconds().max(1e-3);
        let pace = done.saturating_sub(before) as f64 / seconds;
        let left = total.saturating_sub(done) as f64 / pace.max(1e-9);
        let rows_a_batch = progress.samples as f64 / done.max(1) as f64;
        let mut message = format!("loss {}", short(progress.loss));
        if let Some(record) = &self.last {
            if let Some(loss) = record.validation_loss {
                message += &format!(" · validation {}", short(loss));
            }
            if let Some(score) = record.validation_score {
                message += &format!(" · {} {score:.4}", self.metric);
            }
        }
        message += &format!(" · {} samples/s · {} left", per_second(pace * rows_a_batch), duration(left));
        bar.set_length(total);
        bar.set_position(done);
        bar.set_prefix(format!("epoch {}/{}", progress.epoch + 1, progress.epochs));
        bar.set_message(message);
        bar.tick();
    }

    /// One line for the first epoch, the last, and some between.
    fn line(&self, progress: &Progress<'_>) {
        let Some(record) = progress.record else { return };
        let epoch = record.epoch + 1;
        let every = progress.epochs.div_ceil(LINES).max(1);
        if epoch != 1 && epoch != progress.epochs && !epoch.is_multiple_of(every) {
            return;
        }
        let width = progress.epochs.to_string().len();
        let mut line = format!("epoch {epoch:>width$}/{}  loss {:<9}", progress.epochs, short(record.loss));
        if let Some(loss) = record.validation_loss {
            line += &format!("  validation {:<9}", short(loss));
        }
        if let Some(score) = record.validation_score {
            line += &format!("  {} {score:.4}", self.metric);
        }
        note(line.trim_end());
    }
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
