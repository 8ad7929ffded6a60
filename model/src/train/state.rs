//! Everything about a run that changes as it goes on, and that a checkpoint therefore holds.

use crate::update::Memory;
use crate::{Element, Layer, Mlp, Record};

/// Where in the run we are. The order of an epoch's rows follows from seed and epoch, so two numbers say it all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Clock {
    pub(crate) epoch: u64,
    /// Batches of this epoch that are done.
    pub(crate) batch: u64,
    /// Updates so far; Adam's bias correction counts them.
    pub(crate) updates: u64,
    /// Rows learnt from so far.
    pub(crate) samples: u64,
}

/// Sums over the epoch under way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) loss: f64,
    pub(crate) rows: u64,
    pub(crate) skipped: u64,
}

impl Sums {
    /// The mean loss of the rows learnt from; NaN before the first.
    pub(crate) fn mean(&self) -> f64 {
        self.loss / self.rows as f64
    }
}

/// The watched loss over the epochs: the last that was better by a margin, and how many came since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Watch {
    pub(crate) best: f64,
    pub(crate) since: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { best: f64::INFINITY, since: 0 }
    }
}

impl Watch {
    /// Takes in the loss of another epoch: whether it is better than the best by more than `margin`. NaN never is.
    pub(crate) fn see(&mut self, loss: f64, margin: f64) -> bool {
        let better = loss < self.best - margin;
        if better {
            self.best = loss;
            self.since = 0;
        } else {
            self.since += 1;
        }
        better
    }
}

/// The state of a run beside the weights.
#[derive(Clone)]
pub(crate) struct State<T> {
    pub(crate) memory: Vec<Memory<T>>,
    pub(crate) clock: Clock,
    pub(crate) sums: Sums,
    pub(crate) history: Vec<Record>,
    /// What patience counts against: the last loss that was better by the margin that early stopping asks for.
    pub(crate) early: Watch,
    /// The lowest loss since early stopping began to watch, by however little: its weights are kept.
    pub(crate) lowest: Watch,
    pub(crate) plateau: Watch,
    /// What plateaus and roll-backs have made of the learning rate.
    pub(crate) rate_factor: f64,
    pub(crate) roll_backs: u64,
    /// The rate of the last update.
    pub(crate) rate: f64,
    /// With early stopping the other set of weights: the best while the run is on, the last once it has ended.
    pub(crate) aside: Option<Vec<Layer<T>>>,
    /// Whether the run has ended and the model holds the best weights, the last being `aside`.
    pub(crate) restored: bool,
    /// What a roll-back returns to: the start of the last epoch that was shown to be good by a finite batch; before there is one, the weights that
    /// the first finite batch was computed with.
    pub(crate) good: Option<Good<T>>,
    /// The last batch was not finite, and none has been with these weights: one more, and a roll-back returns to `good`.
    pub(crate) doubted: bool,
}

/// Weights, moments and count of updates at one moment.
#[derive(Clone)]
pub(crate) struct Good<T> {
    pub(crate) layers: Vec<Layer<T>>,
    pub(crate) memory: Vec<Memory<T>>,
    pub(crate) updates: u64,
}

impl<T: Element> State<T> {
    pub(crate) fn new(model: &Mlp<T>, rule: deltarule_kernels::Rule) -> Self {
        Self {
            memory: model.layers.iter().map(|layer| Memory::new(layer, rule)).collect(),
            clock: Clock::default(),
            sums: Sums::default(),
            history: Vec::new(),
            early: Watch::default(),
            lowest: Watch::default(),
            plateau: Watch::default(),
            rate_factor: 1.0,
            roll_backs: 0,
            rate: 0.0,
            aside: None,
            restored: false,
            good: None,
            doubted: false,
        }
    }
}
