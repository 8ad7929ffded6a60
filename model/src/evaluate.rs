//! A model on a data set: the loss, and the scores that fit the kind of labels.

use crate::data::{Dataset, Labels};
use crate::loss::{self, Wanted};
use crate::metrics::{ClassScore, Confusion, ValueScores, roc_auc};
use crate::{Element, Error, Loss, Mlp, Scratch, class_of};
use deltarule_kernels::Isa;

/// What came out of [`Mlp::evaluate`].
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How many rows were looked at.
    pub rows: usize,
    /// The mean of the rows' losses, on the scale that the net learns on (standardised, where the model standardises
    /// its targets).
    pub loss: f64,
    /// The scores, on the scale of the data.
    pub scores: Scores,
}

/// Scores by kind of label.
#[derive(Clone, Debug, PartialEq)]
pub enum Scores {
    /// For class labels, and for single targets that are all 0 or 1 under log loss.
    Classes(ClassScores),
    /// For several yes-or-no targets a row under log loss: the scores of each.
    Labels(Vec<ClassScores>),
    /// For numbers.
    Values(ValueScores),
}

/// The scores of a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassScores {
    /// The share of rows that got their class.
    pub accuracy: f64,
    /// Precision, recall and F1: of class 1 where there are two classes, else the mean over the classes.
    pub overall: ClassScore,
    /// Precision, recall and F1 as the mean over the classes, each counting the same.
    pub macro_average: ClassScore,
    /// Every class by itself.
    pub per_class: Vec<ClassScore>,
    /// Area under the ROC curve; with more than two classes the mean of one against the rest over the classes that
    /// occur. `None` where only one class occurs.
    pub roc_auc: Option<f64>,
    /// Which class was taken for which.
    pub confusion: Confusion,
}

impl Evaluation {
    /// The one number that progress is shown by: accuracy, or R².
    pub fn score(&self) -> f64 {
        match &self.scores {
            Scores::Classes(scores) => scores.accuracy,
            Scores::Labels(labels) => labels.iter().map(|s| s.accuracy).sum::<f64>() / labels.len().max(1) as f64,
            Scores::Values(scores) => scores.r2,
        }
    }
}

impl<T: Element> Mlp<T> {
    /// The loss and the scores of this model on `data`. Uses `loss`, not the loss that the model was trained with.
    ///
    /// # Errors
    /// Data of another width, labels that do not fit, or a loss that does not go with the output.
    pub fn evaluate(&self, loss: Loss, data: &Dataset<T>, scratch: &mut Scratch<T>) -> Result<Evaluation, Error> {
        self.check_data(data)?;
        let last = loss::last_activation(loss, self.output)?;
        let wanted = Wanted::new(loss, self.outputs(), data.labels(), self.about.targets.as_ref())?;
        let len = self.run(self.seen(data.stored())?, last, scratch)?;
        let total = loss.value(Isa::current(), &scratch.outputs()[..len], wanted.targets(), self.outputs());
        let predicted = self.finish(last, len, scratch);
        Ok(Evaluation {
            rows: data.rows(),
            loss: total / data.rows() as f64,
            scores: scores(loss, data.labels(), predicted, self.outputs()),
        })
    }

    /// Data must have the model's number of columns.
    pub(crate) fn check_data(&self, data: &Dataset<T>) -> Result<(), Error> {
        Error::expect_len("columns of the data set", self.inputs(), data.columns())
    }
}

/// Picks the scores that fit.
fn scores<T: Element>(loss: Loss, labels: &Labels<T>, predicted: &[T], outputs: usize) -> Scores {
    match labels {
        Labels::Classes { classes, count } => Scores::Classes(class_scores(classes, *count, predicted, outputs)),
        Labels::Values { values, .. } if loss == Loss::LogLoss && values.iter().all(is_yes_or_no) => {
            let column = |values: &[T], c| -> Vec<T> { values.iter().skip(c).step_by(outputs).copied().collect() };
            let mut each: Vec<ClassScores> = (0..outputs)
                .map(|c| {
                    let truth: Vec<u32> = column(values, c).iter().map(|&v| u32::from(v == T::ONE)).collect();
                    class_scores(&truth, 2, &column(predicted, c), 1)
                })
                .collect();
            match each.len() {
                1 => Scores::Classes(each.remove(0)),
                _ => Scores::Labels(each),
            }
        }
        Labels::Values { values, .. } => Scores::Values(ValueScores::of(values, predicted, outputs)),
    }
}

fn is_yes_or_no<T: Element>(v: &T) -> bool {
    *v == T::ZERO || *v == T::ONE
}

fn class_scores<T: Element>(truth: &[u32], classes: usize, predicted: &[T], outputs: usize) -> ClassScores {
    let taken: Vec<u32> = predicted.chunks_exact(outputs).map(class_of).collect();
    let confusion = Confusion::of(truth, &taken, classes);
    let per_class: Vec<ClassScore> = (0..classes).map(|c| confusion.class(c)).collect();
    let macro_average = confusion.macro_average();
    ClassScores {
        accuracy: confusion.accuracy(),
        overall: if classes == 2 { per_class[1] } else { macro_average },
        macro_average,
        per_class,
        roc_auc: auc(truth, classes, predicted, outputs),
        confusion,
    }
}

/// Class 1 by the only, or by the second output; else the mean of each class against the rest.
fn auc<T: Element>(truth: &[u32], classes: usize, predicted: &[T], outputs: usize) -> Option<f64> {
    let of = |class: usize| {
        let column = if outputs == 1 { 0 } else { class };
        let scores: Vec<f64> = predicted.iter().skip(column).step_by(outputs).map(|p| p.to_f64()).collect();
        let positive: Vec<bool> = truth.iter().map(|&t| t as usize == class).collect();
        roc_auc(&scores, &positive)
    };
    if classes <= 2 {
        return of(1);
    }
    let each: Vec<f64> = (0..classes).filter_map(of).collect();
    match each.is_empty() {
        true => None,
        false => Some(each.iter().sum::<f64>() / each.len() as f64),
    }
}
