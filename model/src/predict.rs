//! Serving: many threads, one model, no lock and, after the first call, no allocation but to send for helpers, where there may be any.
//!
//! A model is only read; what a call writes is in the caller's [`Scratch`]. A row gets the same bits alone, in any
//! batch, and on any number of threads.

use crate::{Activation, Element, Error, Layer, Mlp, Output};
use deltarule_kernels::{
    AlignedVec, Isa, MatMut, MatRef, Rows, ShapeError, Stored, Team, dense, read_rows, softmax_rows,
};
use std::fmt;

/// Rows that go through all layers together, so that what lies between two layers stays in the cache.
const BLOCK: usize = 256;

/// The memory that predictions are computed in. It grows at the first calls and is then reused; one for each thread
/// that predicts.
///
/// With `R` rows in the largest call so far, `B = min(R, 256)`, `n` outputs, and `w` in the widest hidden layer (0 where there is none), it holds
/// `R n + 2 B w` elements; `B m` more where the model standardises its `m` inputs, or where pixels are evaluated; and of a softmax, `R n` in place of
/// one `B w` that is less. Of several models, each of these four is the largest of any: [`bytes`](Self::bytes) says what it came to.
pub struct Scratch<T> {
    team: Team,
    input: AlignedVec<T>,
    between: [AlignedVec<T>; 2],
    output: AlignedVec<T>,
}

impl<T: Element> Scratch<T> {
    /// For the calling thread alone: no other thread is ever touched.
    pub fn new() -> Self {
        Self::on(Team::serial())
    }

    /// With up to `threads` threads of the caller's rayon pool, for large batches. To send for a helper, which happens where none is near and the
    /// batch is worth it, allocates a task of the pool; and each packs into memory of its own, which it keeps.
    pub fn with_threads(threads: usize) -> Self {
        Self::on(Team::new(threads))
    }

    /// The bytes held: the formula above.
    pub fn bytes(&self) -> usize {
        let between: usize = self.between.iter().map(|room| room.len()).sum();
        (self.input.len() + between + self.output.len()) * size_of::<T>()
    }

    fn on(team: Team) -> Self {
        Self {
            team,
            input: AlignedVec::new(),
            between: [AlignedVec::new(), AlignedVec::new()],
            output: AlignedVec::new(),
        }
    }
}

impl<T: Element> Default for Scratch<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> fmt::Debug for Scratch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("threads", &self.team.threads()).finish_non_exhaustive()
    }
}

impl<T: Element> Mlp<T> {
    /// The outputs for the rows of `x`, row by row: numbers, or probabilities where the output is sigmoid or softmax.
    ///
    /// `x` holds whole rows as they are in the data; the model standardises them itself. A NaN in a row makes that
    /// row's outputs NaN and no other's.
    ///
    /// ```
    /// use deltarule::{Mlp, Output, Scratch};
    /// let model = Mlp::<f32>::builder(&[2, 4, 3]).output(Output::Softmax).build()?;
    /// let mut scratch = Scratch::new();
    /// let p = model.predict(&[0.5, -1.0], &mut scratch)?;
    /// assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// The length of `x` is no multiple of the inputs.
    pub fn predict<'s>(&self, x: &[T], scratch: &'s mut Scratch<T>) -> Result<&'s [T], Error> {
        let last = match self.output {
            Output::Sigmoid => Activation::Sigmoid,
            Output::Linear | Output::Softmax => Activation::Identity,
        };
        let len = self.run(self.seen(self.rows_among(x)?)?, last, scratch)?;
        self.finish(last, len, scratch)
    }

    /// Makes predictions of what [`run`](Self::run) left: probabilities of logits, numbers on the scale of the data.
    pub(crate) fn finish<'s>(
        &self,
        last: Activation,
        len: usize,
        scratch: &'s mut Scratch<T>,
    ) -> Result<&'s [T], Error> {
        let isa = Isa::current();
        let y = &mut scratch.output[..len];
        match self.output {
            Output::Sigmoid if last == Activation::Identity => Activation::Sigmoid.apply_in_place(isa, y),
            Output::Softmax => {
                // `between` is free again: it holds the logits while the probabilities come out.
                let z = &mut scratch.between[0];
                z.grow(len);
                z[..len].copy_from_slice(y);
                softmax_rows(isa, &z[..len], self.outputs(), y);
            }
            _ => {}
        }
        if let Some(targets) = &self.about.targets {
            targets.undo(y)?;
        }
        Ok(y)
    }

    /// Whole rows of the model's width.
    pub(crate) fn rows_among<'a>(&self, x: &'a [T]) -> Result<Rows<'a, T>, Error> {
        let rows = Rows::new(Stored::Numbers(x), self.inputs());
        Error::expect_len("inputs (a multiple of the model's)", rows.height() * self.inputs(), x.len())?;
        Ok(rows)
    }

    /// Rows of data as the network sees them: standardised, where the model standardises.
    pub(crate) fn seen<'a>(&'a self, rows: Rows<'a, T>) -> Result<Rows<'a, T>, Error> {
        match &self.about.inputs {
            Some(standardisation) => Ok(standardisation.of_rows(rows)?),
            None => Ok(rows),
        }
    }

    /// All layers on rows as the network sees them, with `last` on the last layer; the outputs are the first so many
    /// numbers of `scratch.output`.
    pub(crate) fn run(&self, x: Rows<'_, T>, last: Activation, scratch: &mut Scratch<T>) -> Result<usize, Error> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let rows = x.height();
        scratch.reserve(self, rows, x.numbers().is_none());
        for start in (0..rows).step_by(BLOCK) {
            let end = rows.min(start + BLOCK);
            let x = match x.numbers() {
                Some(numbers) => &numbers[start * inputs..end * inputs],
                None => {
                    let block = &mut scratch.input[..(end - start) * inputs];
                    read_rows(&scratch.team, x, start, block)?;
                    block
                }
            };
            let a = MatMut::new(&mut scratch.output[start * outputs..], end - start, outputs)?;
            run_block(
                &scratch.team,
                &self.layers,
                last,
                MatRef::new(x, end - start, inputs)?,
                &mut scratch.between,
                a,
            )?;
        }
        Ok(rows * outputs)
    }
}

/// One block of rows through all layers; only the outputs of the last are kept.
fn run_block<T: Element>(
    team: &Team,
    layers: &[Layer<T>],
    last: Activation,
    x: MatRef<'_, T>,
    [ping, pong]: &mut [AlignedVec<T>; 2],
    a: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    let rows = x.rows();
    let Some((top, hidden)) = layers.split_last() else {
        return Ok(());
    };
    let (mut from, mut to) = (ping, pong);
    for (l, layer) in hidden.iter().enumerate() {
        let input = if l == 0 { x } else { MatRef::new(from, rows, layer.inputs())? };
        let a = MatMut::new(to, rows, layer.outputs())?;
        dense::forward(team, input, &layer.w, &layer.b, layer.activation, None, a)?;
        std::mem::swap(&mut from, &mut to);
    }
    let input = if hidden.is_empty() { x } else { MatRef::new(from, rows, top.inputs())? };
    dense::forward(team, input, &top.w, &top.b, last, None, a)
}

impl<T: Element> Scratch<T> {
    /// What the last run left.
    pub(crate) fn outputs(&self) -> &[T] {
        &self.output
    }

    fn reserve(&mut self, model: &Mlp<T>, rows: usize, are_read: bool) {
        let block = rows.min(BLOCK);
        let hidden = &model.layers[..model.layers.len() - 1];
        let widest = hidden.iter().map(|layer| layer.outputs()).max().unwrap_or(0);
        if are_read {
            self.input.grow(block * model.inputs());
        }
        self.between.iter_mut().for_each(|room| room.grow(block * widest));
        self.output.grow(rows * model.outputs());
    }
}

/// The class that a row of outputs speaks for: with one output, 1 from ½ upwards; with several, the first of the
/// largest.
///
/// NaN speaks for none, but a row of it, which is what a NaN among the inputs becomes, counts as class 0: where rows may have one, look at the
/// outputs first.
pub fn class_of<T: Element>(outputs: &[T]) -> u32 {
    match outputs {
        [p] => u32::from(p.to_f64() >= 0.5),
        many => {
            let mut best: Option<(usize, T)> = None;
            for (class, &p) in many.iter().enumerate() {
                // Nothing is larger than NaN: as the first it would speak for all.
                if !p.to_f64().is_nan() && best.is_none_or(|(_, largest)| p > largest) {
                    best = Some((class, p));
                }
            }
            best.map_or(0, |(class, _)| class as u32)
        }
    }
}
