//! The rows of a run in the form that the model crate learns from: how a model learns from them, and how it does on each part. What is refused
//! on the way is said of the source.

use std::ops::ControlFlow;

use deltarule::{Dataset as Rows, Element, Evaluation, Finish, Mlp, Progress, Scratch, Trainer};

use crate::data::{Dataset, Split};
use crate::failure::Failure;
use crate::not_finite::{placed, refuse_outputs, refuse_overflows};

/// The data of a run, divided.
pub(crate) struct Parts<'a, T> {
    data: &'a Dataset,
    split: &'a Split,
    /// The rows to learn from.
    pub train: Rows<T>,
    /// The rows to watch while learning.
    pub validation: Option<Rows<T>>,
    /// The rows that nothing has seen.
    pub test: Option<Rows<T>>,
}

impl<'a, T: Element> Parts<'a, T> {
    /// The parts of `data` that `split` says.
    pub(crate) fn of(data: &'a Dataset, split: &'a Split) -> Result<Self, Failure> {
        Ok(Self {
            data,
            split,
            train: rows_of(data, &split.train)?,
            validation: some_rows_of(data, &split.validation)?,
            test: some_rows_of(data, &split.test)?,
        })
    }

    /// Refuses a test of which a number is not finite once it is standardised, before anything is learnt.
    pub(crate) fn refuse_overflows_of_test(&self, model: &Mlp<T>) -> Result<(), Failure> {
        self.test.as_ref().map_or(Ok(()), |test| refuse_overflows(self.data, model, (test, &self.split.test)))
    }

    /// [`Trainer::fit`] on the rows to learn from and to watch.
    pub(crate) fn fit(
        &self,
        trainer: &mut Trainer<T>,
        observe: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, Failure> {
        let finish = trainer.fit(&self.train, self.validation.as_ref(), observe);
        finish.map_err(|error| placed(error.into(), self.data, trainer.model(), &self.learnt_from()))
    }

    /// The parts that a run looks at while it learns, with the rows that they are.
    fn learnt_from(&self) -> Vec<(&Rows<T>, &[usize])> {
        let validation = self.validation.as_ref().map(|rows| (rows, &self.split.validation[..]));
        [(&self.train, &self.split.train[..])].into_iter().chain(validation).collect()
    }

    /// Refuses a test to a row of which the model has an output that is not finite.
    pub(crate) fn refuse_outputs_of_test(&self, model: &Mlp<T>, scratch: &mut Scratch<T>) -> Result<(), Failure> {
        refuse_outputs(model, self.data, &self.split.test, scratch)
    }

    /// How the trainer's model does on each.
    pub(crate) fn evaluate(&self, trainer: &Trainer<T>) -> Result<Evaluations, Failure> {
        let (model, plan) = (trainer.model(), trainer.plan());
        let mut scratch = Scratch::with_threads(plan.threads);
        let mut measure = |rows: &Rows<T>| model.evaluate(plan.loss, rows, &mut scratch);
        Ok(Evaluations {
            train: measure(&self.train)?,
            validation: self.validation.as_ref().map(&mut measure).transpose()?,
            test: self.test.as_ref().map(&mut measure).transpose()?,
        })
    }
}

/// The given rows in the form that the model crate learns from.
pub(crate) fn rows_of<T: Element>(data: &Dataset, rows: &[usize]) -> Result<Rows<T>, Failure> {
    let Some(labels) = data.gather_target(rows, T::from_f64, T::is_finite)? else {
        return Err(Failure::Misuse(format!("{}: there is no target", data.name)));
    };
    Ok(match data.gather_pixels(rows) {
        Some(pixels) => Rows::with_pixels(pixels, data.columns, labels)?,
        None => Rows::new(data.gather(rows, T::from_f64, T::is_finite)?, data.columns, labels)?,
    })
}

fn some_rows_of<T: Element>(data: &Dataset, rows: &[usize]) -> Result<Option<Rows<T>>, Failure> {
    if rows.is_empty() { Ok(None) } else { rows_of(data, rows).map(Some) }
}

/// How the model does on each part.
pub(crate) struct Evaluations {
    /// The rows it learnt from.
    pub train: Evaluation,
    /// The rows that chose the epoch.
    pub validation: Option<Evaluation>,
    /// The rows that nothing has seen.
    pub test: Option<Evaluation>,
}

impl Evaluations {
    /// The one that says most about new data, and its name.
    pub(crate) fn telling(&self) -> (&'static str, &Evaluation) {
        match (&self.test, &self.validation) {
            (Some(test), _) => ("test", test),
            (None, Some(validation)) => ("validation", validation),
            (None, None) => ("training", &self.train),
        }
    }
}
