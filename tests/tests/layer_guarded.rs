//! A layer between guard pages: not one element before or after its batch, its bias, what it keeps and its errors is read or written, by a
//! team on each tier. Inside of a tier the same strips are run, and to compile them here once more for each takes minutes: there it is a net of
//! small layers, compiled with the model, whose batch is between guard pages. A failure here is a crash of this test program.
#![cfg(unix)]

use deltarule::{Loss, Mlp, Plan, Scratch, Targets, Trainer};
use deltarule_kernels::{Activation, Compute, Element, MatMut, MatRef, Moments, Rule, Team, Weights, dense};
use deltarule_tests::guard::{Against, Guarded};
use deltarule_tests::teams::welcoming;

const BATCHES: [usize; 5] = [1, 2, 7, 33, 100];
/// None at all: what is not there must not be read either.
const INPUTS: [usize; 5] = [0, 1, 3, 17, 100];
const OUTPUTS: [usize; 6] = [1, 2, 10, 20, 33, 130];

/// Rows of ones, between them NaN, that fill their memory to the last element.
struct Rows<T> {
    numbers: Guarded<T>,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<T: Element> Rows<T> {
    fn of((rows, cols, gap): (usize, usize, usize), against: Against) -> Self {
        let stride = cols + gap;
        let len = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols };
        let number = |at: usize| T::from_f64(if at % stride < cols { 1.0 } else { f64::NAN });
        Self { numbers: Guarded::new(len, against, number), rows, cols, stride }
    }

    fn view(&self) -> MatRef<'_, T> {
        MatRef::with_row_stride(self.numbers.slice(), self.rows, self.cols, self.stride).unwrap()
    }

    fn view_mut(&mut self) -> MatMut<'_, T> {
        MatMut::with_row_stride(self.numbers.slice_mut(), self.rows, self.cols, self.stride).unwrap()
    }

    /// All elements are `value`, and between the rows nothing has been written.
    fn are(&self, value: f64) -> bool {
        self.numbers.slice().iter().enumerate().all(|(at, x)| match at % self.stride < self.cols {
            true => is_near(*x, value),
            false => x.to_f64().is_nan(),
        })
    }
}

fn is_near<T: Element>(x: T, value: f64) -> bool {
    (x.to_f64() - value).abs() <= 1e-5 * value.abs().max(1.0)
}

/// A layer of ones, so that every result is known.
#[derive(Clone, Copy, Debug)]
struct Layer {
    batch: usize,
    inputs: usize,
    outputs: usize,
    /// Elements between the rows.
    gap: usize,
    against: Against,
}

impl Layer {
    fn batch_of<T: Element>(self, cols: usize) -> Rows<T> {
        Rows::of((self.batch, cols, self.gap), self.against)
    }

    /// The same, column by column.
    fn columns_of<T: Element>(self, cols: usize) -> Rows<T> {
        Rows::of((cols, self.batch, self.gap), self.against)
    }

    fn weights<T: Element>(self) -> Weights<T> {
        Weights::from_rows(Rows::<T>::of((self.outputs, self.inputs, 0), self.against).view(), true)
    }

    /// A step inside of the current tier, its loss and gradient, and a prediction, which read what they are given and no more.
    fn as_a_net<T: deltarule::Element>(self) {
        let model = Mlp::<T>::builder(&[self.inputs, 5, self.outputs]).build().unwrap();
        let ones = |cols: usize| Guarded::new(self.batch * cols, self.against, |_| T::ONE);
        let (x, y) = (ones(self.inputs), ones(self.outputs));
        let targets = || Targets::Values(y.slice());
        let (loss, _) = model.gradients(Loss::HalfSquaredError, x.slice(), targets()).unwrap();
        let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError)).unwrap();
        assert_eq!(trainer.step(x.slice(), targets()).unwrap(), loss, "{self:?}");
        let predicted = trainer.model().predict(x.slice(), &mut Scratch::new()).unwrap().len();
        assert_eq!(predicted, self.batch * self.outputs, "{self:?}");
    }

    /// Forward, the errors below and the update, with a batch and its errors by rows and by columns.
    #[inline(always)]
    fn run_by<T: Element>(self, by: impl Compute<T>) {
        let (x, x_columns) = (self.batch_of::<T>(self.inputs), self.columns_of::<T>(self.inputs));
        let (dz, dz_columns) = (self.batch_of::<T>(self.outputs), self.columns_of::<T>(self.outputs));
        for (x, dz) in [(x.view(), dz.view()), (x_columns.view().t(), dz_columns.view().t())] {
            self.forward(by, x);
            self.backward(by, dz);
            self.update(by, x, dz);
        }
    }

    #[inline(always)]
    fn forward<T: Element>(self, by: impl Compute<T>, x: MatRef<'_, T>) {
        let (w, bias) = (self.weights::<T>(), Rows::<T>::of((1, self.outputs, 0), self.against));
        let sum = (self.inputs + 1) as f64;
        #[expect(clippy::disallowed_methods, reason = "compared within a bound")]
        let silu = sum / (1.0 + (-sum).exp());
        for (activation, value) in [(Activation::Identity, sum), (Activation::Relu, sum), (Activation::Silu, silu)] {
            let (mut z, mut a) = (self.batch_of::<T>(self.outputs), self.batch_of::<T>(self.outputs));
            let keeps = activation.needs_preactivation();
            let kept = keeps.then(|| z.view_mut());
            dense::forward(by, x, &w, bias.numbers.slice(), activation, kept, a.view_mut()).unwrap();
            assert!(a.are(value), "{activation} of {self:?}");
            assert!(z.are(if keeps { sum } else { 1.0 }), "what {activation} keeps of {self:?}");
        }
    }

    #[inline(always)]
    fn backward<T: Element>(self, by: impl Compute<T>, dz: MatRef<'_, T>) {
        let (kept, mut below) = (self.batch_of::<T>(self.inputs), self.batch_of::<T>(self.inputs));
        dense::backward_input(by, dz, &self.weights::<T>(), Activation::Relu, kept.view(), below.view_mut()).unwrap();
        assert!(below.are(self.outputs as f64), "errors below {self:?}");
    }

    /// From the registers, and through the cache.
    #[inline(always)]
    fn update<T: Element>(self, by: impl Compute<T>, x: MatRef<'_, T>, dz: MatRef<'_, T>) {
        let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        for (rule, change) in [(Rule::Sgd, self.batch as f64), (adam, 1.0)] {
            let mut w = self.weights::<T>();
            let mut moments = Moments::zeros_like(&w, rule);
            let step = rule.step::<T>(1.0, 0.0, 1, 1.0);
            dense::backward_update(by, x, dz, &mut w, &mut moments, &step).unwrap();
            assert!(w.to_rows().into_iter().all(|w| is_near(w, 1.0 - change)), "{rule:?} of {self:?}");
        }
    }
}

fn walk<T: deltarule::Element>(against: Against) {
    let teams = [Team::serial(), Team::new(2)];
    let shapes = BATCHES.into_iter().flat_map(|batch| INPUTS.map(|inputs| (batch, inputs)));
    for ((batch, inputs), outputs) in shapes.flat_map(|shape| OUTPUTS.map(|outputs| (shape, outputs))) {
        for gap in [0, 3] {
            let layer = Layer { batch, inputs, outputs, gap, against };
            for team in &teams {
                layer.run_by::<T>(welcoming(team));
            }
            if gap == 0 && inputs > 0 {
                layer.as_a_net::<T>();
            }
        }
    }
}

#[test]
fn nothing_before_the_first_element() {
    walk::<f32>(Against::Front);
    walk::<f64>(Against::Front);
}

#[test]
fn nothing_past_the_last_element() {
    walk::<f32>(Against::Back);
    walk::<f64>(Against::Back);
}

/// This program again, on each of the other tiers: a team takes the current one, which the environment lowers once for a whole program. Not where it
/// has been lowered already; and on x86-64 alone, for an emulated program of another kind cannot start itself.
#[cfg(target_arch = "x86_64")]
#[test]
fn on_every_other_tier() {
    use deltarule_kernels::Isa;
    if std::env::var_os(Isa::VARIABLE).is_some() {
        return deltarule_tests::tiers::skipped("the tier has been lowered from outside");
    }
    for isa in deltarule_tests::tiers::all().into_iter().filter(|&isa| isa != Isa::current()) {
        let again = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["nothing_before_the_first_element", "nothing_past_the_last_element"])
            .env(Isa::VARIABLE, isa.name())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && said.contains("2 passed"), "{isa}: {}\n{said}", again.status);
    }
}
