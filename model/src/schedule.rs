//! How the learning rate changes while training goes on.
//!
//! A schedule is a factor on the optimiser's rate. Time is counted in epochs, with a fraction within an epoch, so a
//! schedule means the same for any batch size. No function of the platform's maths library is involved.

use crate::Error;
use deltarule_kernels::optimiser::power;

/// A shape, with a warm-up before it.
///
/// ```
/// use deltarule::Schedule;
/// let schedule = Schedule::cosine(10).warm_up(1.0);
/// assert_eq!(schedule.factor(0.5), 0.5); // half way through the warm-up
/// assert_eq!(schedule.factor(1.0), 1.0);
/// assert!(schedule.factor(10.0) < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Schedule {
    /// The shape after the warm-up.
    pub shape: Shape,
    /// Epochs over which the factor grows from 0 to 1, linearly; 0 for none.
    pub warm_up: f64,
}

/// The shape of a schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Always 1.
    Constant,
    /// Multiplied by `factor` every `every` epochs, counted from the end of the warm-up.
    Step {
        /// Epochs between two steps.
        every: u64,
        /// What each step multiplies by.
        factor: f64,
    },
    /// Half a cosine wave, from 1 at the end of the warm-up to `floor` at `epochs`.
    Cosine {
        /// Where it arrives.
        epochs: u64,
        /// What it arrives at.
        floor: f64,
    },
    /// Multiplied by `factor` when the watched loss has not improved for more than `patience` epochs in a row, as PyTorch's
    /// `ReduceLROnPlateau` counts.
    Plateau {
        /// What it multiplies by.
        factor: f64,
        /// Epochs in a row without improvement that are borne; at the end of one more the factor comes, and counting begins anew.
        patience: u64,
        /// Where it ends.
        floor: f64,
    },
}

impl Schedule {
    /// Always the optimiser's rate.
    pub fn constant() -> Self {
        Self::of(Shape::Constant)
    }

    /// Multiplied by `factor` every `every` epochs after the warm-up.
    pub fn step(every: u64, factor: f64) -> Self {
        Self::of(Shape::Step { every, factor })
    }

    /// Down to 0 over `epochs` in half a cosine wave.
    pub fn cosine(epochs: u64) -> Self {
        Self::of(Shape::Cosine { epochs, floor: 0.0 })
    }

    /// Halved, say (`factor` 0.5), when the watched loss has not improved for more than `patience` epochs in a row.
    pub fn plateau(factor: f64, patience: u64) -> Self {
        Self::of(Shape::Plateau { factor, patience, floor: 1e-4 })
    }

    fn of(shape: Shape) -> Self {
        Self { shape, warm_up: 0.0 }
    }

    /// Lets the rate grow from 0 over the first `epochs` epochs.
    pub fn warm_up(mut self, epochs: f64) -> Self {
        self.warm_up = epochs;
        self
    }

    /// The factor after `epoch` epochs. [`Shape::Plateau`] depends on the run and counts as 1 here.
    pub fn factor(&self, epoch: f64) -> f64 {
        if epoch < self.warm_up {
            return epoch / self.warm_up;
        }
        let since = epoch - self.warm_up;
        match self.shape {
            Shape::Constant | Shape::Plateau { .. } => 1.0,
            Shape::Step { every, factor } => power(factor, since as u64 / every.max(1)),
            Shape::Cosine { epochs, floor } => {
                let way = since / (epochs as f64 - self.warm_up);
                let wave = 0.5 + 0.5 * libm::cos(std::f64::consts::PI * way.min(1.0));
                floor + (1.0 - floor) * wave
            }
        }
    }

    /// The factor for the update that starts after `batch` of `batches` batches of `epoch`. A warm-up counts the
    /// update itself, so that the first one is not at rate 0.
    pub(crate) fn factor_at(&self, epoch: u64, batch: u64, batches: u64) -> f64 {
        let time = |done: u64| epoch as f64 + done as f64 / batches.max(1) as f64;
        match time(batch) < self.warm_up {
            true => self.factor(time(batch + 1)).min(1.0),
            false => self.factor(time(batch)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let share = |name, x: f64| match x > 0.0 && x <= 1.0 {
            true => Ok(()),
            false => Err(Error::setting(name, x, "above 0 and at most 1")),
        };
        if !(self.warm_up >= 0.0 && self.warm_up.is_finite()) {
            return Err(Error::setting("warm-up", self.warm_up, "zero or positive, and finite"));
        }
        match self.shape {
            Shape::Constant => Ok(()),
            Shape::Step { every: 0, .. } => Err(Error::setting("step schedule: every", 0, "at least 1")),
            Shape::Step { factor, .. } => share("step schedule: factor", factor),
            Shape::Cosine { epochs, .. } if epochs as f64 <= self.warm_up => {
                Err(Error::setting("cosine schedule: epochs", epochs, "more than the warm-up"))
            }
            Shape::Cosine { floor, .. } => match (0.0..=1.0).contains(&floor) {
                true => Ok(()),
                false => Err(Error::setting("cosine schedule: floor", floor, "from 0 to 1")),
            },
            Shape::Plateau { factor, floor, .. } => {
                share("plateau schedule: factor", factor)?;
                share("plateau schedule: floor", floor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        assert_eq!(Schedule::constant().factor(99.0), 1.0);
        // A checkpoint may say any epoch; that takes no longer.
        assert_eq!(Schedule::step(1, 0.999_999_999_999).factor(1e18), 0.0);
        let step = Schedule::step(10, 0.5);
        assert_eq!([step.factor(9.9), step.factor(10.0), step.factor(25.0)], [1.0, 0.5, 0.25]);
        let cosine = Schedule::cosine(8);
        assert_eq!(cosine.factor(0.0), 1.0);
        assert!((cosine.factor(4.0) - 0.5).abs() < 1e-15);
        assert!(cosine.factor(8.0).abs() < 1e-15);
        assert_eq!(cosine.factor(8.0), cosine.factor(80.0), "it stays where it arrived");
        let high = Schedule::of(Shape::Cosine { epochs: 8, floor: 0.25 });
        let found = [0.0, 4.0, 8.0, 80.0].map(|epoch| high.factor(epoch));
        let expected = [1.0, 0.625, 0.25, 0.25];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{found:?}");
    }

    /// Else the rate would climb to its full size only to fall by all the steps that the warm-up has taken.
    #[test]
    fn steps_are_counted_from_the_end_of_the_warm_up() {
        let schedule = Schedule::step(2, 0.5).warm_up(6.0);
        let found = [3.0, 5.75, 6.0, 7.75, 8.0, 9.75, 10.0].map(|epoch| schedule.factor(epoch));
        assert_eq!(found, [0.5, 5.75 / 6.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
        let part = Schedule::step(1, 0.5).warm_up(0.5);
        assert_eq!([0.5, 1.25, 1.5, 2.5].map(|epoch| part.factor(epoch)), [1.0, 1.0, 0.5, 0.25]);
        // The last batch that warms up is the first at the full rate, and the step comes two epochs later.
        let batches = [(5, 3), (6, 0), (7, 3), (8, 0)].map(|(epoch, batch)| schedule.factor_at(epoch, batch, 4));
        assert_eq!(batches, [1.0, 1.0, 1.0, 0.5]);
    }

    #[test]
    fn warm_up_starts_above_zero_and_joins_the_shape() {
        let schedule = Schedule::constant().warm_up(1.0);
        let factors: Vec<f64> = (0..5).map(|batch| schedule.factor_at(0, batch, 4)).collect();
        assert_eq!(factors, [0.25, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Schedule::step(0, 0.5).check().is_err());
        assert!(Schedule::cosine(0).check().is_err());
        assert!(Schedule::cosine(3).warm_up(3.0).check().is_err());
        assert!(Schedule::cosine(4).warm_up(3.0).check().is_ok());
        for (epochs, is_taken) in [(-1.0, false), (f64::NAN, false), (f64::INFINITY, false), (0.0, true), (2.5, true)] {
            assert_eq!(Schedule::constant().warm_up(epochs).check().is_ok(), is_taken, "a warm-up of {epochs}");
        }
    }

    /// A factor of 0 would end the learning, one above 1 would blow it up; a cosine may end at 0.
    #[test]
    fn factors_and_floors_are_shares() {
        let of = |shape| Schedule::of(shape).check().is_ok();
        let just_above = 1.0 + f64::EPSILON;
        for (x, is_factor, is_floor) in [
            (-0.1, false, false),
            (0.0, false, true),
            (f64::MIN_POSITIVE, true, true),
            (1.0, true, true),
            (just_above, false, false),
            (f64::NAN, false, false),
            (f64::INFINITY, false, false),
        ] {
            assert_eq!(Schedule::step(1, x).check().is_ok(), is_factor, "steps by {x}");
            assert_eq!(of(Shape::Plateau { factor: x, patience: 3, floor: 0.5 }), is_factor, "plateaus by {x}");
            assert_eq!(of(Shape::Plateau { factor: 0.5, patience: 3, floor: x }), is_factor, "plateaus down to {x}");
            assert_eq!(of(Shape::Cosine { epochs: 3, floor: x }), is_floor, "a cosine down to {x}");
        }
    }
}
