//! Update rules with the settings an expert would start from.

use crate::{Element, Error};
use deltarule_kernels::Rule;
use deltarule_kernels::optimiser::Number;

/// A rule, its learning rate and its decay.
///
/// ```
/// use deltarule::Optimiser;
/// let optimiser = Optimiser::adam().rate(3e-4);
/// assert_eq!(optimiser.rate, 3e-4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Optimiser {
    /// How a gradient becomes a change. The formulas are those of `torch.optim`.
    pub rule: Rule,
    /// The learning rate `η`; a [`Schedule`](crate::Schedule) multiplies it.
    pub rate: f64,
    /// L2 penalty: `l2 · w` is added to the gradient. With AdamW it is decoupled: `w` shrinks by `rate · l2 · w`.
    /// The reported loss does not contain it.
    pub l2: f64,
    /// Whether biases are decayed too, as `torch.optim` does by default. Here they are not.
    pub decay_biases: bool,
}

impl Optimiser {
    /// A rule at a rate, without decay.
    pub fn new(rule: Rule, rate: f64) -> Self {
        Self { rule, rate, l2: 0.0, decay_biases: false }
    }

    /// A rule at the rate, and with the decay, that it is usually given.
    pub fn usual(rule: Rule) -> Self {
        Self::new(rule, rule.usual_rate()).l2(rule.usual_l2())
    }

    /// Plain gradient descent (S15), rate 0.1.
    pub fn sgd() -> Self {
        Self::usual(Rule::Sgd)
    }

    /// With momentum 0.9, rate 0.01.
    pub fn momentum() -> Self {
        Self::usual(Rule::MOMENTUM)
    }

    /// With Nesterov's momentum 0.9, rate 0.01.
    pub fn nesterov() -> Self {
        Self::usual(Rule::NESTEROV)
    }

    /// Adam with β₁ 0.9, β₂ 0.999, ε 1e-8, rate 0.001.
    pub fn adam() -> Self {
        Self::usual(Rule::ADAM)
    }

    /// AdamW: as [`Optimiser::adam`], with a decoupled decay of 0.01.
    pub fn adamw() -> Self {
        Self::usual(Rule::ADAMW)
    }

    /// Another learning rate.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Another L2 penalty or decay.
    pub fn l2(mut self, l2: f64) -> Self {
        self.l2 = l2;
        self
    }

    /// Decays biases too.
    pub fn decay_biases(mut self, decay: bool) -> Self {
        self.decay_biases = decay;
        self
    }

    /// Whether every number is in its range, as it is and as `T` has it, in which the weights are changed, and so is what a step makes of them.
    pub(crate) fn check<T: Element>(&self) -> Result<(), Error> {
        let l2 = Number { name: "l2", range: "zero or positive, and finite", holds: |x| x >= 0.0 && x.is_finite() };
        let mut numbers = vec![(Number::positive("learning rate"), self.rate), (l2, self.l2)];
        numbers.extend(self.rule.numbers());
        numbers.into_iter().try_for_each(|(number, value)| check_number::<T>(number, value))?;
        let (most, shrinks_by) = (self.rule.largest_rate::<T>(), T::from_f64(self.rate * self.l2));
        if self.rate > most {
            let range = "no larger than the update can be computed with";
            return Err(Error::setting(
                "learning rate",
                format!("{:?} (in {} at most {most:?})", self.rate, T::NAME),
                range,
            ));
        }
        if !shrinks_by.is_finite() {
            let value = format!("{:?} (times the learning rate in {} {shrinks_by:?})", self.l2, T::NAME);
            return Err(Error::setting(l2.name, value, l2.range));
        }
        Ok(())
    }
}

fn check_number<T: Element>(Number { name, range, holds }: Number, value: f64) -> Result<(), Error> {
    let used = T::from_f64(value).to_f64();
    match (holds(value), holds(used)) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::setting(name, format!("{value:?} (in {} {used:?})", T::NAME), range)),
        (false, _) => Err(Error::setting(name, value, range)),
    }
}
