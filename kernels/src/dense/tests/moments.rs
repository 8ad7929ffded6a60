//! Updates with fewer moments than their rule has.

use super::case::{Case, bits};
use crate::dense::{Gradient, Moments, backward_update, update};
use crate::element::Element;
use crate::execute::{Compute, Execute, Inside};
use crate::isa::{Isa, Kernel, Simd};
use crate::optimiser::Rule;
use crate::team::Team;
use crate::view::ShapeError;

/// Both updates by a `rule`, of weights whose moments are those of another; they change the weights only where there are enough.
#[inline(always)]
fn updates_by<T: Element>(by: impl Compute<T>, case: &Case<T>, had: Rule, rule: Rule) -> [Result<(), ShapeError>; 2] {
    let mut w = case.weights();
    let before = bits(&w.to_rows());
    let (mut moments, dw) = (Moments::zeros_like(&w, had), Gradient::zeros_like(&w));
    let step = rule.step(0.1, 0.01, 1, 1.0);
    let plain = update(by, &mut w, &dw, &mut moments, &step);
    let fused = backward_update(by, case.x(), case.dz(), &mut w, &mut moments, &step);
    let is_same = bits(&w.to_rows()) == before;
    assert_eq!(is_same, had.moments() < rule.moments(), "{rule:?} with the moments of {had:?}");
    [plain, fused]
}

/// The update from a gradient in memory, which looks at moments itself where it is inside of a tier.
struct UpdateInside<'a, T>(&'a Case<T>, Rule, Rule);

impl<T: Element> Kernel<T> for UpdateInside<'_, T> {
    type Output = Result<(), ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let Self(case, had, rule) = self;
        let mut w = case.weights();
        let (mut moments, dw) = (Moments::zeros_like(&w, had), Gradient::zeros_like(&w));
        update(Inside(simd), &mut w, &dw, &mut moments, &rule.step(0.1, 0.01, 1, 1.0))
    }
}

/// By a team and inside of a tier; of a row, of an array that is one job, and of one that is several.
#[test]
fn too_few_moments_are_refused() {
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let rules = [Rule::Sgd, Rule::Momentum { momentum: 0.9 }, Rule::Nesterov { momentum: 0.9 }, adam];
    for (inputs, outputs) in [(40, 1), (5, 7), (300, 200)] {
        let case = Case::<f32>::new(2, inputs, outputs);
        for (had, rule) in rules.into_iter().flat_map(|had| rules.map(|rule| (had, rule))) {
            let (there, needed) = (had.moments(), rule.moments());
            let what = "the number of an optimiser's moment arrays";
            let expected = match there < needed {
                true => Err(ShapeError::Mismatch { what, expected: needed, got: there }),
                false => Ok(()),
            };
            for team in [Team::serial(), Team::new(2)] {
                assert_eq!(updates_by(&team, &case, had, rule), [expected; 2], "{inputs} × {outputs} by a team");
            }
            let inside = Isa::current().kernel(UpdateInside(&case, had, rule));
            assert_eq!(inside, expected, "{inputs} × {outputs} inside of a tier");
        }
    }
}
