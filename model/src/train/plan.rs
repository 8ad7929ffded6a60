//! What a training run is asked to do.

use crate::{Element, Error, Loss, Named, Optimiser, Output, Schedule, UnknownName};
use std::fmt;
use std::str::FromStr;

/// The settings of a training run. Every field has a value an expert would start from; see [`Plan::new`].
///
/// ```
/// use deltarule::{Loss, Optimiser, Plan, Schedule};
/// let plan = Plan::new(Loss::CrossEntropy)
///     .optimiser(Optimiser::adam())
///     .schedule(Schedule::cosine(30))
///     .epochs(30)
///     .batch(64)
///     .patience(5);
/// assert_eq!(plan.batch, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Plan {
    /// What is minimised: the mean over the batch of each row's loss.
    pub loss: Loss,
    /// How weights follow gradients.
    pub optimiser: Optimiser,
    /// A factor on the learning rate, by time.
    pub schedule: Schedule,
    /// How often the whole data set is gone through.
    pub epochs: u64,
    /// Rows in a batch; the last batch of an epoch has what is left.
    pub batch: usize,
    /// Whether each epoch takes the rows in a new order.
    pub shuffle: bool,
    /// The seed of that order.
    pub seed: u64,
    /// The largest Euclidean norm a gradient may have; a longer one is scaled down to it.
    pub clip_norm: Option<f64>,
    /// When to stop before the last epoch.
    pub early_stopping: Option<EarlyStopping>,
    /// What to do about a loss or gradient that is not finite.
    pub non_finite: NonFinite,
    /// Threads of the caller's rayon pool; 1 touches no other thread. The result does not depend on it.
    pub threads: usize,
    /// Apply the gradients of large layers while they are in registers or the nearest cache. The result does not depend on it.
    pub fused: bool,
}

/// Stops when the watched loss (validation, or training where there is no validation set) no longer improves, and goes
/// back to the weights that were best: those of the lowest loss, by however little.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// Epochs in a row without improvement that are borne; one more ends the run.
    pub patience: u64,
    /// What patience counts as an improvement: a loss lower by more than this than the last one that was.
    pub min_improvement: f64,
}

/// What to do about a loss or gradient that is NaN or infinite, or a gradient so large that the update would not be finite: above about
/// 9 · 10¹⁸ in `f32`, 7 · 10¹⁵³ in `f64` with Adam and AdamW, which square it, and a quarter of the largest number with the other rules,
/// less for rates above 1 and for what momentum adds up ([`largest_gradient`](crate::Rule::largest_gradient)). It is always found before the update
/// (of the gradient itself: L2 of enormous weights is added later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonFinite {
    /// End with [`Error::NonFinite`]; the weights are those before the batch.
    #[default]
    Stop,
    /// Leave the batch out. An epoch in which every batch had to be left out ends with [`Error::NonFinite`].
    Skip,
    /// Go back to the weights, moments and update count at the start of the epoch, halve the learning rate for the
    /// rest of the run (or until [`set_plan`](crate::Trainer::set_plan) gives another), and go on with the next batch. Where no batch of the epoch
    /// has been good yet, the weights may be bad that the epoch before ended with: a first bad batch is left out, after a second one in a row the
    /// run goes back to the start of the last epoch that had a good batch. The eleventh bad batch at one given rate ends with [`Error::NonFinite`]. Where the policy is turned on in the
    /// middle of an epoch, that epoch goes back to there: to where the next [`fit`](crate::Trainer::fit) began.
    RollBack,
}

impl Named for NonFinite {
    const WHAT: &'static str = "policy";
    const ALL: &'static [Self] = &[NonFinite::Stop, NonFinite::Skip, NonFinite::RollBack];

    fn names(self) -> &'static [&'static str] {
        match self {
            NonFinite::Stop => &["stop"],
            NonFinite::Skip => &["skip"],
            NonFinite::RollBack => &["roll-back"],
        }
    }

    fn summary(self) -> Option<&'static str> {
        Some(match self {
            NonFinite::Stop => "End the run",
            NonFinite::Skip => "Leave the batch out; an epoch without a good one ends the run",
            NonFinite::RollBack => {
                "Go back to the start of the epoch at half the rate, and on with the next batch; after ten times, end the run"
            }
        })
    }
}

impl fmt::Display for NonFinite {
    /// The [name](Named::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for NonFinite {
    type Err = UnknownName;

    /// By [name](Named::named).
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::named(name)
    }
}

impl Plan {
    /// Adam at a constant rate, 20 epochs, batches of 32, shuffled with seed 0, on the calling thread.
    pub fn new(loss: Loss) -> Self {
        Self {
            loss,
            optimiser: Optimiser::adam(),
            schedule: Schedule::constant(),
            epochs: 20,
            batch: 32,
            shuffle: true,
            seed: 0,
            clip_norm: None,
            early_stopping: None,
            non_finite: NonFinite::Stop,
            threads: 1,
            fused: true,
        }
    }

    /// [`Plan::new`] with the loss that usually goes with an output.
    pub fn for_output(output: Output) -> Self {
        Self::new(output.usual_loss())
    }

    /// How weights follow gradients.
    pub fn optimiser(mut self, optimiser: Optimiser) -> Self {
        self.optimiser = optimiser;
        self
    }

    /// A factor on the learning rate, by time.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// How often the whole data set is gone through.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.epochs = epochs;
        self
    }

    /// Rows in a batch. Activations and errors of all of them are kept for a step ([`Trainer::workspace_bytes`](super::Trainer::workspace_bytes)), and of very
    /// large ones, beyond 43,000 rows of single precision, up to 48 inputs of all rows are packed beside it, by each thread.
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows;
        self
    }

    /// Whether each epoch takes the rows in a new order.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The seed of the rows' order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The largest Euclidean norm a gradient may have.
    pub fn clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }

    /// Early stopping that bears so many epochs in a row without any improvement, or without the [least](Self::min_improvement) that
    /// counts, and ends the run after one more.
    pub fn patience(mut self, epochs: u64) -> Self {
        let min_improvement = self.early_stopping.map_or(0.0, |early| early.min_improvement);
        self.early_stopping = Some(EarlyStopping { patience: epochs, min_improvement });
        self
    }

    /// Early stopping that counts as an improvement only what is more than this. Without a [patience](Self::patience) no epoch is the last
    /// for it, but the run goes back to its best weights at the end.
    ///
    /// ```
    /// use deltarule::{Loss, Plan};
    /// let plan = Plan::new(Loss::LogLoss);
    /// assert_eq!(plan.patience(5).min_improvement(1e-3), plan.min_improvement(1e-3).patience(5));
    /// ```
    pub fn min_improvement(mut self, loss: f64) -> Self {
        let patience = self.early_stopping.map_or(u64::MAX, |early| early.patience);
        self.early_stopping = Some(EarlyStopping { patience, min_improvement: loss });
        self
    }

    /// What to do about a loss or gradient that is not finite.
    pub fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    /// Threads of the caller's rayon pool.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Whether the gradients of large layers are applied while they are in registers or the nearest cache.
    pub fn fused(mut self, fused: bool) -> Self {
        self.fused = fused;
        self
    }

    /// Whether a net of numbers `T` can be trained so.
    pub(crate) fn check<T: Element>(&self) -> Result<(), Error> {
        self.optimiser.check::<T>()?;
        self.schedule.check()?;
        if self.batch == 0 {
            return Err(Error::setting("batch", 0, "at least 1"));
        }
        if self.threads == 0 {
            return Err(Error::setting("threads", 0, "at least 1"));
        }
        if let Some(norm) = self.clip_norm
            && !(norm > 0.0 && norm.is_finite())
        {
            return Err(Error::setting("clip norm", norm, "positive and finite"));
        }
        if let Some(EarlyStopping { min_improvement, .. }) = self.early_stopping
            && !(min_improvement >= 0.0 && min_improvement.is_finite())
        {
            return Err(Error::setting("minimal improvement", min_improvement, "zero or positive, and finite"));
        }
        Ok(())
    }
}
