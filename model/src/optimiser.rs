//! Update rules with the settings an expert would start from.

use crate::{Element, Error};
use deltarule_kernels::Rule;

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

    /// Plain gradient descent (S15), rate 0.1.
    pub fn sgd() -> Self {
        Self::new(Rule::Sgd, 0.1)
    }

    /// With momentum 0.9, rate 0.01.
    pub fn momentum() -> Self {
        Self::new(Rule::Momentum { momentum: 0.9 }, 0.01)
    }

    /// With Nesterov's momentum 0.9, rate 0.01.
    pub fn nesterov() -> Self {
        Self::new(Rule::Nesterov { momentum: 0.9 }, 0.01)
    }

    /// Adam with β₁ 0.9, β₂ 0.999, ε 1e-8, rate 0.001.
    pub fn adam() -> Self {
        let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        Self::new(rule, 1e-3)
    }

    /// AdamW: as [`Optimiser::adam`], with a decoupled decay of 0.01.
    pub fn adamw() -> Self {
        let rule = Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        Self::new(rule, 1e-3).l2(0.01)
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

    /// Whether every number is in its range, as it is and as `T` has it, in which the weights are changed.
    pub(crate) fn check<T: Element>(&self) -> Result<(), Error> {
        let within = |name, value: f64, is_good: fn(f64) -> bool, range| {
            let used = T::from_f64(value).to_f64();
            match (is_good(value), is_good(used)) {
                (true, true) => Ok(()),
                (true, false) => Err(Error::setting(name, format!("{value:?} (in {} {used:?})", T::NAME), range)),
                (false, _) => Err(Error::setting(name, value, range)),
            }
        };
        let fraction = |name, value| within(name, value, |x| (0.0..1.0).contains(&x), "at least 0 and below 1");
        let positive = |name, value| within(name, value, |x| x > 0.0 && x.is_finite(), "positive and finite");
        positive("learning rate", self.rate)?;
        within("l2", self.l2, |x| x >= 0.0 && x.is_finite(), "zero or positive, and finite")?;
        match self.rule {
            Rule::Sgd => Ok(()),
            Rule::Momentum { momentum } | Rule::Nesterov { momentum } => fraction("momentum", momentum),
            Rule::Adam { beta1, beta2, epsilon } | Rule::AdamW { beta1, beta2, epsilon } => {
                fraction("beta1", beta1)?;
                fraction("beta2", beta2)?;
                positive("epsilon", epsilon)
            }
        }
    }
}
