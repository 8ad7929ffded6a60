//! The training loop: epochs of mini-batches, with validation, early stopping and progress.
//!
//! ```text
//! fit ── epoch ── order of the rows (seed, epoch)
//!          ├── batch: gather rows → step (forward, loss, back, update) → observe
//!          └── end: validate → record → keep the best → plateau → observe → patience
//! ```
//! A run is the same, bit for bit, whether it was interrupted or not, on any number of threads. What it depends on is in
//! the [`Plan`], the data and the [`Trainer`]'s state, all of which a [checkpoint](Trainer::save) holds but the data.

mod batch;
mod checkpoint;
mod history;
mod plan;
mod settings;
mod standing;
mod state;
mod step;
mod table;

pub use history::{Finish, Progress, Record};
pub use plan::{EarlyStopping, NonFinite, Plan};

use crate::loss::{self, Wanted};
use crate::random::{Stream, Use};
use crate::schedule::Shape;
use crate::workspace::Workspace;
use crate::{Activation, Dataset, Element, Error, Mlp, Scratch, Targets};
use batch::{Batch, Prepared};
use deltarule_kernels::Team;
use state::{State, Watch};
use std::fmt;
use std::mem::discriminant;
use std::ops::ControlFlow;
use step::{Found, XIsSmall};

/// A model in training, with everything that goes with it.
pub struct Trainer<T> {
    model: Mlp<T>,
    plan: Plan,
    state: State<T>,
    /// What the caller wants to know of the run when it is loaded.
    note: Option<String>,
    /// The activation of the last layer under this loss.
    last: Activation,
    /// The norm of the last gradient that was measured.
    norm: Option<f64>,
    team: Team,
    work: Workspace<T>,
    batch: Batch<T>,
    scratch: Scratch<T>,
}

impl<T: Element> fmt::Debug for Trainer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("model", &self.model)
            .field("plan", &self.plan)
            .field("clock", &self.state.clock)
            .finish_non_exhaustive()
    }
}

impl<T: Element> Trainer<T> {
    /// Takes a model into training.
    ///
    /// # Errors
    /// A setting out of its range, or a loss that does not go with the model's output.
    pub fn new(mut model: Mlp<T>, plan: Plan) -> Result<Self, Error> {
        plan.check::<T>()?;
        model.about.loss = Some(plan.loss);
        let state = State::new(&model, plan.optimiser.rule);
        Self::with_state(model, plan, state)
    }

    fn with_state(model: Mlp<T>, plan: Plan, state: State<T>) -> Result<Self, Error> {
        Ok(Self {
            last: loss::last_activation(plan.loss, model.output)?,
            work: Workspace::new(&model.layers),
            batch: Batch::empty(),
            scratch: Scratch::with_threads(plan.threads),
            team: Team::new(plan.threads),
            norm: None,
            note: None,
            model,
            plan,
            state,
        })
    }

    /// The model as it is now; after a run with early stopping has ended, the best.
    pub fn model(&self) -> &Mlp<T> {
        &self.model
    }

    /// Ends the training.
    pub fn into_model(self) -> Mlp<T> {
        self.model
    }

    /// The settings.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Other settings for the rest of the run: more epochs, another rate. The update rule and the loss stay, and what decides the batches
    /// (their size, seed and shuffle) where an epoch is under way. Without early stopping the model holds the last weights again, and what was best is forgotten.
    /// Where the rate or the schedule's shape is another than before, what plateaus and roll-backs have made of the rate is forgotten: the run goes
    /// on at the rate that it is given, a plateau bears its whole patience again, and the bad batches that end a run are counted from here.
    ///
    /// # Errors
    /// A setting out of its range, another update rule or another loss; other batches in the middle of an epoch.
    pub fn set_plan(&mut self, plan: Plan) -> Result<(), Error> {
        plan.check::<T>()?;
        let same_rule = discriminant(&plan.optimiser.rule) == discriminant(&self.plan.optimiser.rule);
        if !same_rule || plan.loss != self.plan.loss {
            return Err(Error::setting("plan", "another rule or loss", "of the same rule and loss within one run"));
        }
        if self.state.clock.batch > 0 {
            self.refuse_other_batches(&plan)?;
        }
        if plan.early_stopping.is_none() {
            self.unrestore();
            self.forget_best();
        }
        if plan.non_finite != NonFinite::RollBack {
            self.state.good = None;
        }
        if plan.optimiser.rate != self.plan.optimiser.rate || plan.schedule.shape != self.plan.schedule.shape {
            self.state.rate_factor = 1.0;
            self.state.roll_backs = 0;
            self.state.plateau.since = 0;
        }
        self.team = Team::new(plan.threads);
        self.scratch = Scratch::with_threads(plan.threads);
        self.plan = plan;
        Ok(())
    }

    /// The batches that are done are the first of these rows in this order; of others nobody knows which rows are still to do.
    fn refuse_other_batches(&self, plan: &Plan) -> Result<(), Error> {
        let now = &self.plan;
        let changes = [
            ("batch", plan.batch != now.batch, plan.batch.to_string()),
            ("shuffle", plan.shuffle != now.shuffle, plan.shuffle.to_string()),
            ("seed", plan.seed != now.seed, plan.seed.to_string()),
        ];
        match changes.into_iter().find(|(_, differs, _)| *differs) {
            Some((name, _, value)) => Err(Error::setting(name, value, "that of the epoch under way until it ends")),
            None => Ok(()),
        }
    }

    /// The caller's own words about the run.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Words about the run that its checkpoints hold and [`load`](Trainer::load) brings back, such as which data it learns from, which no
    /// checkpoint holds. Nothing depends on them.
    pub fn set_note(&mut self, note: impl Into<String>) {
        self.note = Some(note.into());
    }

    /// Every epoch that has ended.
    pub fn history(&self) -> &[Record] {
        &self.state.history
    }

    /// The epoch, from 0, whose weights are the best so far, which the run keeps: the first of the lowest watched loss since early stopping began to
    /// watch. `None` before that has a best, and without it.
    pub fn best_epoch(&self) -> Option<u64> {
        self.state.aside.as_ref()?;
        self.state.clock.epoch.checked_sub(self.state.lowest.since)?.checked_sub(1)
    }

    /// How many updates there have been.
    pub fn updates(&self) -> u64 {
        self.state.clock.updates
    }

    /// How many rows have been learnt from, over all epochs.
    pub fn samples(&self) -> u64 {
        self.state.clock.samples
    }

    /// The bytes held for activations and errors of a step. A batch goes through the layers whole; where all of them have up to 6,144 weights,
    /// in pieces of 64 to 512 rows, as many at once as there are threads.
    ///
    /// With `B` rows in the largest piece so far (or in the largest batch, where it is not cut), every layer of `n` outputs takes `2 s B` elements,
    /// and `s B` more where its derivative is computed from `z`; `s` is `n` for the last layer and
    /// [`batch_stride`](deltarule_kernels::dense::batch_stride)`(n)`, mostly `n` too, for the others. A net that is cut takes another `n` for
    /// every 64 rows of `B`. All that is taken as often as there have been pieces at once, and `n` a layer once.
    ///
    /// Beside this, a step that keeps the gradient of the weights holds `m n` elements for a layer of `m` inputs, one of the two rounded up to whole
    /// cache lines: where the batch is cut always, else with [`clip_norm`](Plan::clip_norm()), where updates are not [fused](Plan::fused()), and from the
    /// first batch of large numbers on. [`fit`](Self::fit) gathers a batch of `B` rows into `B m` elements for the `m` inputs of the net, and `B n`
    /// elements for targets or `4 B` bytes for classes; the order of the rows takes 4 bytes a row of the data. Inputs or targets that the model
    /// standardises, unless they are pixels, and classes that it learns as numbers are copied for the run. A validation takes what a
    /// [`Scratch`] does. Copies of the weights are held by early stopping (one) and, with the rule's moments, by
    /// [`RollBack`](NonFinite::RollBack) (up to two). Each thread packs what some products want packed into memory of its own, which it keeps.
    pub fn workspace_bytes(&self) -> usize {
        self.work.bytes()
    }

    /// Trains until the epochs are done, patience runs out, or `observe` says break; it is called after every batch and
    /// once more after every epoch. Called again, it goes on where it stopped, and ends the epoch that it was in,
    /// unless patience has run out.
    ///
    /// # Errors
    /// Data that does not fit the model or the loss, before any weight changes; [`Error::NonFinite`] by the plan's
    /// policy.
    pub fn fit(
        &mut self,
        train: &Dataset<T>,
        validation: Option<&Dataset<T>>,
        mut observe: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, Error> {
        let data = self.prepare(train)?;
        if let Some(validation) = validation {
            self.prepare(validation)?;
        }
        self.unrestore();
        let mut finish = Finish::Epochs;
        // An epoch that has begun is ended, though there were no more epochs to do: no number of them has the weights of now.
        while self.state.clock.epoch < self.plan.epochs || self.state.clock.batch > 0 {
            if self.out_of_patience() {
                finish = Finish::Patience;
                break;
            }
            if self.batches_of_an_epoch(&data, &mut observe)?.is_break() {
                return Ok(Finish::Caller);
            }
            let record = self.end_epoch(validation)?;
            let batches = batches(data.rows, self.plan.batch);
            let progress = self.progress(record.epoch, batches, batches, record.loss, Some(&record));
            if observe(&progress).is_break() {
                return Ok(Finish::Caller);
            }
        }
        self.restore_best();
        Ok(finish)
    }

    /// The batches of the epoch that are still to do.
    fn batches_of_an_epoch(
        &mut self,
        data: &Prepared<'_, T>,
        observe: &mut impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let batches = batches(data.rows, self.plan.batch);
        let mut standing = self.standing();
        self.shuffle(data.rows);
        while self.state.clock.batch < batches {
            let start = self.state.clock.batch as usize * self.plan.batch;
            let rows = start..data.rows.min(start.saturating_add(self.plan.batch));
            let count = rows.len();
            match self.step_on_rows(data, rows, batches)? {
                Found::Loss(loss) => {
                    self.prove(&mut standing);
                    self.state.sums.loss += loss * count as f64;
                    self.state.sums.rows += count as u64;
                }
                Found::NonFinite(what) => {
                    self.bear(what, &mut standing)?;
                    // At least as many: the last batch may have been tried again.
                    if self.plan.non_finite == NonFinite::Skip && self.state.sums.skipped >= batches {
                        return Err(self.non_finite(what));
                    }
                }
            }
            self.state.clock.batch += 1;
            let clock = self.state.clock;
            let progress = self.progress(clock.epoch, clock.batch, batches, self.state.sums.mean(), None);
            if observe(&progress).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gathers rows of the epoch's order and steps on them.
    fn step_on_rows(
        &mut self,
        data: &Prepared<'_, T>,
        rows: std::ops::Range<usize>,
        batches: u64,
    ) -> Result<Found, Error> {
        // Taken out while the trainer is borrowed; moving a few pointers, not the data.
        let mut batch = std::mem::replace(&mut self.batch, Batch::empty());
        let count = rows.len();
        batch.gather(&self.team, data, rows)?;
        let x = batch.x(count, data.columns)?;
        let targets = match &data.wanted {
            Wanted::Values(_) => Targets::Values(&batch.values),
            Wanted::Classes(_) => Targets::Classes(&batch.classes),
        };
        let at = &self.state.clock;
        let scheduled = self.plan.schedule.factor_at(at.epoch, at.batch, batches);
        let found = self.step_on(x, XIsSmall::Known(data.x_is_small), targets, scheduled);
        self.batch = batch;
        found
    }

    /// Validates, records, keeps the best weights, and moves the clock to the next epoch.
    fn end_epoch(&mut self, validation: Option<&Dataset<T>>) -> Result<Record, Error> {
        let measured = match validation {
            Some(data) => Some(self.model.measure(self.plan.loss, data, &mut self.scratch)?),
            None => None,
        };
        let state = &mut self.state;
        let record = Record {
            epoch: state.clock.epoch,
            rate: state.rate,
            loss: state.sums.mean(),
            validation_loss: measured.map(|(loss, _)| loss),
            validation_score: measured.map(|(_, score)| score),
            skipped: state.sums.skipped,
        };
        state.history.push(record);
        let watched = record.validation_loss.unwrap_or(record.loss);
        if let Some(early) = self.plan.early_stopping {
            state.early.see(watched, early.min_improvement);
            // What is too little for patience is still better.
            if state.lowest.see(watched, 0.0) {
                state.aside = Some(self.model.layers.clone());
            }
        }
        if let Shape::Plateau { factor, patience, floor } = self.plan.schedule.shape
            && !state.plateau.see(watched, 0.0)
            && state.plateau.since > patience
        {
            state.plateau.since = 0;
            // The floor never lifts a rate that roll-backs have brought below it.
            state.rate_factor = (state.rate_factor * factor).max(floor.min(state.rate_factor));
        }
        state.clock.epoch += 1;
        state.clock.batch = 0;
        state.sums = Default::default();
        Ok(record)
    }

    fn out_of_patience(&self) -> bool {
        self.plan.early_stopping.is_some_and(|early| self.state.early.since > early.patience)
    }

    /// The best weights into the model, the last aside.
    fn restore_best(&mut self) {
        if let Some(best) = &mut self.state.aside {
            std::mem::swap(best, &mut self.model.layers);
            self.state.restored = true;
        }
    }

    /// Undoes [`restore_best`](Self::restore_best), to go on with the last weights.
    fn unrestore(&mut self) {
        if let (true, Some(last)) = (self.state.restored, &mut self.state.aside) {
            std::mem::swap(last, &mut self.model.layers);
            self.state.restored = false;
        }
    }

    /// Goes on from the weights that the model holds, as if no epoch had been watched before.
    fn forget_best(&mut self) {
        self.state.aside = None;
        self.state.restored = false;
        self.state.early = Watch::default();
        self.state.lowest = Watch::default();
    }

    fn progress<'a>(
        &self,
        epoch: u64,
        batch: u64,
        batches: u64,
        loss: f64,
        record: Option<&'a Record>,
    ) -> Progress<'a> {
        Progress {
            epoch,
            epochs: self.plan.epochs,
            batch,
            batches,
            samples: self.state.clock.samples,
            loss,
            rate: self.state.rate,
            gradient_norm: self.norm,
            record,
        }
    }

    /// Checks data against model and loss, and brings it to the form that the net learns from.
    fn prepare<'a>(&self, data: &'a Dataset<T>) -> Result<Prepared<'a, T>, Error> {
        self.model.check_data(data)?;
        if u32::try_from(data.rows()).is_err() {
            return Err(Error::setting("rows", data.rows(), "at most 4294967295"));
        }
        let (about, outputs) = (&self.model.about, self.model.outputs());
        let wanted = Wanted::new(self.plan.loss, (self.model.output, outputs), data.labels(), about.targets.as_ref())?;
        Prepared::new(data, about.inputs.as_ref(), (wanted, outputs), &self.team)
    }

    /// The order of this epoch's rows: a fresh shuffle of `0..rows`, known from seed and epoch alone.
    fn shuffle(&mut self, rows: usize) {
        let order = &mut self.batch.order;
        order.clear();
        order.extend(0..rows as u32);
        if self.plan.shuffle {
            Stream::new(self.plan.seed, Use::Shuffle, self.state.clock.epoch).shuffle(order);
        }
    }
}

/// Batches in an epoch; the last has what is left.
fn batches(rows: usize, batch: usize) -> u64 {
    rows.div_ceil(batch) as u64
}
