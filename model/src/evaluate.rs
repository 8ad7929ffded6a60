//! A model on a data set: the loss, and the scores that fit the kind of labels.

use crate::data::{Dataset, Labels};
use crate::loss::{self, Wanted};
use crate::metrics::{ClassScore, Confusion, ValueScores, accuracy, mean_r2, roc_auc};
use crate::{Element, Error, Loss, Mlp, Scratch, class_of};
use deltarule_kernels::Isa;
use std::borrow::Cow;

/// What came out of [`Mlp::evaluate`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
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
            Scores::Labels(labels) => mean(labels.iter().map(|scores| scores.accuracy)),
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
        let (loss_of_rows, predicted) = self.judge(loss, data, scratch)?;
        let scores = Truth::new(loss, data.labels()).scores(predicted, self.outputs());
        Ok(Evaluation { rows: data.rows(), loss: loss_of_rows, scores })
    }

    /// The loss and the [score](Evaluation::score) of an evaluation, without the others: what every epoch is asked for. To sort the rows for
    /// the area under each class's curve may take longer than the epoch.
    pub(crate) fn measure(&self, loss: Loss, data: &Dataset<T>, scratch: &mut Scratch<T>) -> Result<(f64, f64), Error> {
        let (loss_of_rows, predicted) = self.judge(loss, data, scratch)?;
        Ok((loss_of_rows, Truth::new(loss, data.labels()).score(predicted, self.outputs())))
    }

    /// The mean of the rows' losses, and what is predicted of them.
    fn judge<'s>(&self, loss: Loss, data: &Dataset<T>, scratch: &'s mut Scratch<T>) -> Result<(f64, &'s [T]), Error> {
        self.check_data(data)?;
        let last = loss::last_activation(loss, self.output)?;
        let wanted = Wanted::new(loss, (self.output, self.outputs()), data.labels(), self.about.targets.as_ref())?;
        let len = self.run(self.seen(data.stored())?, last, scratch)?;
        let total = loss.value(Isa::current(), &scratch.outputs()[..len], wanted.targets(), self.outputs());
        Ok((total / data.rows() as f64, self.finish(last, len, scratch)?))
    }

    /// Data must have the model's number of columns.
    pub(crate) fn check_data(&self, data: &Dataset<T>) -> Result<(), Error> {
        Error::expect_len("columns of the data set", self.inputs(), data.columns())
    }
}

/// Labels as predictions are compared with them.
enum Truth<'a, T> {
    /// A class a row, of so many.
    Classes(Cow<'a, [u32]>, usize),
    /// Several times yes or no a row: a column for each.
    Labels(Vec<Vec<u32>>),
    /// Numbers.
    Values(&'a [T]),
}

impl<'a, T: Element> Truth<'a, T> {
    fn new(loss: Loss, labels: &'a Labels<T>) -> Self {
        match labels {
            Labels::Classes { classes, count } => Self::Classes(Cow::Borrowed(classes), *count),
            Labels::Values { values, outputs } if loss == Loss::LogLoss && values.iter().all(is_yes_or_no) => {
                let yes_of = |c| column(values, *outputs, c).map(|v| u32::from(v == T::ONE)).collect();
                let mut columns: Vec<Vec<u32>> = (0..*outputs).map(yes_of).collect();
                match columns.len() {
                    1 => Self::Classes(Cow::Owned(columns.remove(0)), 2),
                    _ => Self::Labels(columns),
                }
            }
            Labels::Values { values, .. } => Self::Values(values),
        }
    }

    /// All scores that fit.
    fn scores(&self, predicted: &[T], outputs: usize) -> Scores {
        match self {
            Self::Classes(truth, classes) => Scores::Classes(class_scores(truth, *classes, predicted, outputs)),
            Self::Labels(columns) => {
                Scores::Labels(each(columns, predicted, |truth, predicted| class_scores(truth, 2, predicted, 1)))
            }
            Self::Values(values) => Scores::Values(ValueScores::of(values, predicted, outputs)),
        }
    }

    /// The one among them that progress is shown by.
    fn score(&self, predicted: &[T], outputs: usize) -> f64 {
        let right = |truth: &[u32], predicted: &[T], outputs| accuracy(truth, &classes_of(predicted, outputs));
        match self {
            Self::Classes(truth, _) => right(truth, predicted, outputs),
            Self::Labels(columns) => {
                mean(each(columns, predicted, |truth, predicted| right(truth, predicted, 1)).into_iter())
            }
            Self::Values(values) => mean_r2(values, predicted, outputs),
        }
    }
}

/// The same of every column of labels and the predictions for it.
fn each<T: Element, R>(columns: &[Vec<u32>], predicted: &[T], of: impl Fn(&[u32], &[T]) -> R) -> Vec<R> {
    let predicted = |c| column(predicted, columns.len(), c).collect::<Vec<T>>();
    columns.iter().enumerate().map(|(c, truth)| of(truth, &predicted(c))).collect()
}

/// Column `c` of rows of so many numbers.
fn column<T: Element>(values: &[T], width: usize, c: usize) -> impl Iterator<Item = T> {
    values.iter().skip(c).step_by(width).copied()
}

fn is_yes_or_no<T: Element>(v: &T) -> bool {
    *v == T::ZERO || *v == T::ONE
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<f64>() / count as f64
}

/// The class that each row of outputs speaks for.
fn classes_of<T: Element>(predicted: &[T], outputs: usize) -> Vec<u32> {
    predicted.chunks_exact(outputs).map(class_of).collect()
}

fn class_scores<T: Element>(truth: &[u32], classes: usize, predicted: &[T], outputs: usize) -> ClassScores {
    let taken = classes_of(predicted, outputs);
    let confusion = Confusion::of(truth, &taken, classes);
    let per_class: Vec<ClassScore> = (0..classes).map(|c| confusion.class(c)).collect();
    let macro_average = confusion.macro_average();
    ClassScores {
        accuracy: accuracy(truth, &taken),
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
        let output = if outputs == 1 { 0 } else { class };
        let scores: Vec<f64> = column(predicted, outputs, output).map(T::to_f64).collect();
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
