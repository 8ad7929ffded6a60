//! A contender with one problem before it: its product can be repeated, and is checked before the timing and after it.
//!
//! The check before refuses who is wrong; the one after finds what went wrong while nobody looked, in a call that failed
//! or in what the calls before it left behind.

use crate::contenders::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;

/// A contender, its problem and its C.
pub struct Prepared<'a, T> {
    contender: &'a dyn Contender<T>,
    problem: &'a Problem<T>,
    run: Run<'a, T>,
    c: Vec<T>,
    failure: Option<String>,
}

impl<'a, T: Element> Prepared<'a, T> {
    /// Everything up to the product itself.
    ///
    /// # Errors
    /// This contender cannot compute this product.
    pub fn new(contender: &'a dyn Contender<T>, problem: &'a Problem<T>) -> Result<Self, String> {
        let run = contender.prepare(problem)?;
        let c = vec![T::ZERO; problem.shape.m * problem.shape.n];
        Ok(Self { contender, problem, run, c, failure: None })
    }

    /// Who it is.
    pub fn contender(&self) -> &'a dyn Contender<T> {
        self.contender
    }

    /// As many products. The first error is kept, and reported by the next [`verify`](Self::verify).
    pub fn run(&mut self, calls: usize) {
        if let Err(e) = (self.run)(&mut self.c, calls) {
            self.failure.get_or_insert(e);
        }
    }

    /// Makes one more product and checks it.
    ///
    /// # Errors
    /// It is wrong, or it or one before it has failed.
    pub fn verify(&mut self) -> Result<(), String> {
        // NaN where nothing is written: the check finds it.
        self.c.fill(T::from_f64(f64::NAN));
        self.run(1);
        let columns = self.contender.writes_columns();
        let outcome = self.failure.take().map_or_else(|| self.problem.verify(&self.c, columns), Err);
        outcome.map_err(|e| format!("{} on {}: {e}", self.contender.name(), self.problem.shape.case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders::Ours;

    /// Right at first, then with one element missing, or with an error.
    struct Tiring {
        ours: Ours,
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
                    Some(error) if made == 2 => Err(error.to_owned()),
                    None if made > 2 => {
                        c[0] = f32::NAN;
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }))
        }
    }

    #[test]
    fn what_goes_wrong_after_the_first_check_is_found_by_the_second() {
        let problem = Problem::<f32>::new("3x4x5".parse().unwrap());
        for (error, word) in [(None, "element (0, 0)"), (Some("out of breath"), "out of breath")] {
            let contender = Tiring { ours: Ours::new(1), error };
            let mut prepared = Prepared::new(&contender, &problem).unwrap();
            prepared.verify().unwrap();
            prepared.run(1);
            let error = prepared.verify().unwrap_err();
            assert!(error.contains(word) && error.contains("tiring on nn 3 4 5"), "{error}");
        }
    }
}
