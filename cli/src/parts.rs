//! The rows of a run in the form that the model crate learns from: how a model learns from them, and how it does on each part. What is refused
//! on the way is said of the source.

use std::ops::ControlFlow;

use deltarule::{Dataset as Rows, Element, Evaluation, Finish, Labels, Mlp, Progress, Scratch, Trainer};

use crate::data::{DataError, Dataset, Split};
use crate::failure::Failure;
use crate::not_finite::{given_up, placed, refuse_outputs, refuse_overflows};

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
        let train = rows_of(data, &split.train)?;
        refuse_merged_targets(data, &train)?;
        Ok(Self {
            data,
            split,
            train,
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
        finish.map_err(|error| match given_up(&error, trainer.plan().non_finite) {
            Some(failure) => failure,
            None => placed(error.into(), self.data, trainer.model(), &self.learnt_from()),
        })
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

/// Refuses to learn from numbers that are one and the same in `T`, as whatever a net made of them would look perfect. In the data they differ:
/// [`Split::new`] has seen to that.
fn refuse_merged_targets<T: Element>(data: &Dataset, train: &Rows<T>) -> Result<(), Failure> {
    let Labels::Values { values, .. } = train.labels() else { return Ok(()) };
    if values.iter().any(|value| *value != values[0]) {
        return Ok(());
    }
    let what = format!(
        "{}: all {} rows to learn from have the same number in {}, though not in the data; train with --dtype f64, or subtract an offset from it",
        data.target_label(),
        values.len(),
        T::NAME
    );
    Err(DataError::whole(&data.name, what).into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CsvOptions, Fractions, read_csv};

    /// From one `f32` to the next it is 128 there.
    #[test]
    fn targets_that_f32_makes_one_are_refused() {
        let parts = |step: i32| {
            let line = |row| format!("{row},{}\n", 1_700_000_000 + step * (row % 41 - 20));
            let text = format!("x,seconds\n{}", (0..50).map(line).collect::<String>());
            let data = read_csv("t.csv", text.as_bytes(), &CsvOptions::default()).expect("sound");
            let split = Split::new(&data, Fractions { test: 0.2, validation: 0.2 }, 1).expect("enough rows");
            (Parts::<f32>::of(&data, &split).map(drop), Parts::<f64>::of(&data, &split).map(drop))
        };
        let (single, double) = parts(3);
        let refused = single.expect_err("one number");
        let said = refused.to_string();
        assert!(refused.status() == 1 && said.starts_with("t.csv: column seconds: all "), "{said}");
        assert!(said.contains("the same number in f32, though not in the data; train with --dtype f64"), "{said}");
        double.expect("distinct in f64");
        let (single, double) = parts(30);
        assert!(single.is_ok() && double.is_ok());
    }
}
