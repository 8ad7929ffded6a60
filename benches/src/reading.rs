//! What it takes to read the rows of a shuffled batch, as `fit` reads them.
//!
//! One thread reads between steps, and steps on what it has read: the next batch's rows, which the gather asks for, arrive meanwhile, and the step
//! misses what they push out of its caches. What such a round takes beyond a bare step is the gather. A team of several threads asks for nothing ahead;
//! and beside the trainer's own team, whose helpers linger where others would come, it would be slower than `fit`'s, which is the same for both. So it
//! reads alone.

use crate::cases::{Batch, Case};
use crate::contenders::team;
use crate::fits::time_of;
use deltarule::{Dataset, Error, Labels, Trainer};
use deltarule_kernels::{AlignedVec, Rows, Stored, Team, gather_rows};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Rows as they are stored.
pub enum Inputs {
    /// Numbers.
    Numbers(Vec<f32>),
    /// A byte `b` for the number `b / 255`.
    Pixels(Vec<u8>),
}

impl Inputs {
    /// A copy to learn from.
    ///
    /// # Errors
    /// Labels that do not fit.
    pub fn dataset(&self, columns: usize, labels: Labels<f32>) -> Result<Dataset<f32>, Error> {
        match self {
            Self::Numbers(numbers) => Dataset::new(numbers.clone(), columns, labels),
            Self::Pixels(pixels) => Dataset::with_pixels(pixels.clone(), columns, labels),
        }
    }

    fn rows(&self, columns: usize) -> Rows<'_, f32> {
        let stored = match self {
            Self::Numbers(numbers) => Stored::Numbers(numbers),
            Self::Pixels(pixels) => Stored::Pixels(pixels),
        };
        Rows::new(stored, columns)
    }
}

/// Reads batch after batch, in a random order that stays.
pub struct Reader {
    inputs: Inputs,
    columns: usize,
    /// As many batches as an epoch has, all whole: the last goes on from the first row.
    order: Vec<u32>,
    batch: usize,
    team: Team,
    x: AlignedVec<f32>,
    /// What steps on the batch that was read, and its labels.
    stepping: Option<(Trainer<f32>, Batch)>,
}

impl Reader {
    /// Of the case's batches of so many rows.
    ///
    /// # Errors
    /// A net that cannot be built.
    pub fn new(threads: usize, case: &Case, inputs: Inputs, rows: usize) -> Result<Self, Error> {
        let (columns, batch) = (case.widths[0], case.plan.batch);
        let stepping = if threads == 1 { Some((case.trainer(1)?, case.data())) } else { None };
        let mut order: Vec<u32> = (0..rows as u32).cycle().take(rows.next_multiple_of(batch)).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
        let x = AlignedVec::zeros(batch * columns);
        Ok(Self { inputs, columns, order, batch, team: team(threads), x, stepping })
    }

    /// Whether a step follows each batch.
    pub fn steps(&self) -> bool {
        self.stepping.is_some()
    }

    /// Seconds a batch of one epoch, with a step on it where a step follows.
    ///
    /// # Errors
    /// A step that fails.
    pub fn epoch(&mut self) -> Result<f64, Error> {
        let Self { inputs, columns, order, batch, team, x, stepping } = self;
        let rows = inputs.rows(*columns);
        let mut batches = order.chunks(*batch).cycle().peekable();
        time_of(order.len() / *batch, || {
            let now = batches.next().unwrap_or_default();
            let next = batches.peek().copied().unwrap_or_default();
            gather_rows(team, rows, (now, next), x)?;
            match stepping {
                Some((trainer, labels)) => trainer.step(x, labels.targets()).map(drop),
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn case(line: &str) -> Case {
        let options = Options::parse(line.split_whitespace().map(str::to_owned)).unwrap();
        crate::cases::chosen(&options).unwrap().remove(0)
    }

    #[test]
    fn every_row_is_read_in_whole_batches() {
        let case = case("fit --layers 2-3 --batch 4");
        for threads in [1, 2] {
            let pixels = (0..20).collect();
            let mut reader = Reader::new(threads, &case, Inputs::Pixels(pixels), 10).unwrap();
            assert_eq!((reader.order.len(), reader.steps()), (12, threads == 1));
            assert!((0..10).all(|row| reader.order.contains(&row)));
            assert!(reader.epoch().unwrap() > 0.0);
            // One batch more than an epoch has been read: the first.
            let first = reader.order[..4].iter().flat_map(|&row| [2 * row, 2 * row + 1]);
            let expected: Vec<f32> = first.map(|pixel| pixel as f32 / 255.0).collect();
            assert_eq!(reader.x[..], expected[..]);
        }
    }
}
