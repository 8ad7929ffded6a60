//! What a run tells about itself: after every batch, and after every epoch.

/// One epoch, looked back at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Which epoch, from 0.
    pub epoch: u64,
    /// The learning rate of its last update.
    pub rate: f64,
    /// The mean loss over its rows, each measured before the update that it caused.
    pub loss: f64,
    /// The loss on the validation set, with the weights at the end of the epoch.
    pub validation_loss: Option<f64>,
    /// Accuracy or R² on the validation set.
    pub validation_score: Option<f64>,
    /// Batches without an update, because their loss or gradient was not finite.
    pub skipped: u64,
}

/// Where a run stands, after a batch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Which epoch, from 0.
    pub epoch: u64,
    /// How many epochs are planned.
    pub epochs: u64,
    /// How many batches of this epoch are done.
    pub batch: u64,
    /// How many batches an epoch has.
    pub batches: u64,
    /// How many rows have been learnt from since the run began, over all epochs.
    pub samples: u64,
    /// The mean loss over this epoch's rows so far.
    pub loss: f64,
    /// The learning rate of the last update.
    pub rate: f64,
    /// The norm of the last gradient, where it was measured (for clipping).
    pub gradient_norm: Option<f64>,
    /// The epoch's record, once it has ended: that is one further report after its last batch.
    pub record: Option<&'a Record>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// All epochs are done.
    Epochs,
    /// The watched loss had not improved for longer than the patience.
    Patience,
    /// The caller asked for it; [`fit`](crate::Trainer::fit) goes on from here.
    Caller,
}

impl Finish {
    /// `"epochs"`, `"patience"` or `"caller"`.
    pub fn name(self) -> &'static str {
        match self {
            Finish::Epochs => "epochs",
            Finish::Patience => "patience",
            Finish::Caller => "caller",
        }
    }
}
