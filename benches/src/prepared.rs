//! A contender with one problem before it: its product can be repeated, and is checked before the timing and after it.
//!
//! The check before refuses who is wrong; the one after finds what went wrong while nobody looked, in a call that failed,
//! in what the last one wrote, or in what the calls before it left behind.

use crate::contenders::{Contender, Run};
use crate::problem::{Problem, verify, verify_gaps};
use deltarule_cli::bench::placed::Placed;
use deltarule_kernels::Element;

/// A contender, its problem and its C. That is not shared, since what each wrote last is checked after all have been timed; but everybody's
/// is placed alike.
pub struct Prepared<'a, T> {
    contender: &'a dyn Contender<T>,
    problem: &'a Problem<T>,
    run: Run<'a, T>,
    c: Placed<T>,
    /// C has not been checked since the last product.
    unchecked: bool,
    failure: Option<String>,
}

impl<'a, T: Element> Prepared<'a, T> {
    /// Everything up to the product itself.
    ///
    /// # Errors
    /// This contender cannot compute this product.
    pub fn new(contender: &'a dyn Contender<T>, problem: &'a Problem<T>) -> Result<Self, String> {
        let run = contender.prepare(problem)?;
        let (lines, len) = problem.c_lines(contender.writes_columns());
        let c = problem.placement.room(lines, len);
        Ok(Self { contender, problem, run, c, unchecked: false, failure: None })
    }

    /// Who it is.
    pub fn contender(&self) -> &'a dyn Contender<T> {
        self.contender
    }

    /// As many products. The first error is kept, and reported by the next [`verify`](Self::verify).
    pub fn run(&mut self, calls: usize) {
        self.unchecked |= calls > 0;
        if let Err(e) = (self.run)(&mut self.c, calls) {
            self.failure.get_or_insert(e);
        }
    }

    /// Checks the last product since the last check, if there is one, then makes one more and checks that.
    ///
    /// # Errors
    /// One of them is wrong, or one that nobody looked at has failed.
    pub fn verify(&mut self) -> Result<(), String> {
        if self.unchecked {
            self.check()?;
        }
        // NaN where nothing is written: the check finds it.
        self.c.fill(T::from_f64(f64::NAN));
        self.run(1);
        self.check()?;
        verify_gaps(self.problem, &self.c, self.contender.writes_columns()).map_err(|e| self.told(&e))
    }

    /// Checks C as it lies.
    fn check(&mut self) -> Result<(), String> {
        self.unchecked = false;
        let columns = self.contender.writes_columns();
        let outcome = self.failure.take().map_or_else(|| verify(self.problem, &self.c, columns), Err);
        outcome.map_err(|e| self.told(&e))
    }

    /// An error, and whose it is.
    fn told(&self, error: &str) -> String {
        format!("{} on {}: {error}", self.contender.name(), self.problem.shape.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::{Ours, Real, all};
    use crate::placement::Placement;
    use std::ops::RangeInclusive;

    /// Right but for some of its calls, counted from 1: those miss an element, or fail.
    struct Tiring {
        ours: Ours,
        tired: RangeInclusive<usize>,
        error: Option<&'static str>,
    }

    impl Contender<f32> for Tiring {
        fn name(&self) -> &str {
            "tiring"
        }
        fn prepare<'a>(&'a self, problem: &'a Problem<f32>) -> Result<Run<'a, f32>, String> {
            let mut run = self.ours.prepare(problem)?;
            let mut made = 0;
            Ok(Box::new(move |c, calls| {
                run(c, calls)?;
                made += calls;
                match self.error {
                    _ if !self.tired.contains(&made) => Ok(()),
                    Some(error) => Err(error.to_owned()),
                    None => {
                        c[0] = f32::NAN;
                        Ok(())
                    }
                }
            }))
        }
    }

    fn every_contender_is_right<T: Real>() {
        let placements = [Some(1), None].map(|lead| Placement { lead, offset: Some(8) });
        for shape in ["5x7x11:nn", "35x17x9:nt", "5x7x11:tn", "20x70x13:tt", "9x1x30:nn", "1x9x30:nt", "9x33x1:tn"] {
            for placement in placements {
                let problem = Problem::<T>::placed(shape.parse().unwrap(), placement);
                for contender in all::<T>(1, &[]).unwrap() {
                    Prepared::new(contender.as_ref(), &problem).unwrap().verify().unwrap();
                }
            }
        }
    }

    #[test]
    fn every_contender_takes_matrices_with_gaps_off_their_alignment() {
        every_contender_is_right::<f32>();
        every_contender_is_right::<f64>();
    }

    #[test]
    fn what_goes_wrong_after_the_first_check_is_found_by_the_second() {
        let problem = Problem::<f32>::new("3x4x5".parse().unwrap());
        // Two calls are timed, the second and the third: who tires in the last of them alone, who does after it, who fails in the first.
        let tiring = [(3..=3, None), (4..=4, None), (2..=2, Some("out of breath"))];
        for (tired, error) in tiring {
            let word = error.unwrap_or("element (0, 0)");
            let contender = Tiring { ours: Ours::new(1), tired, error };
            let mut prepared = Prepared::new(&contender, &problem).unwrap();
            prepared.verify().unwrap();
            prepared.run(1);
            prepared.run(1);
            let error = prepared.verify().unwrap_err();
            assert!(error.contains(word) && error.contains("tiring on nn 3 4 5"), "{error}");
        }
    }
}
