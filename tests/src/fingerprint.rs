//! Everything that has bits, each boiled down to one number: what must not depend on threads, tiers or the pool.

use crate::random::Random;
use deltarule::{Activation, Element, Loss, Mlp, Optimiser, Output, Plan, Scratch, Targets, Trainer};
use deltarule_kernels::gemm::gemm_on;
use deltarule_kernels::{Isa, MatMut, MatRef, Named, Team, softmax_rows};

/// The net of the benchmark's table that is trained for the fewest steps.
const WIDEST: [usize; 3] = [1024, 4096, 1024];
/// So many at most: one of its steps takes as long as a hundred of most others.
const STEPS_OF_WIDEST: usize = 100;

/// FNV-1a over the bits. A NaN counts as a NaN: which one it is is nobody's promise.
pub fn hash<T: Element>(values: &[T]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        let bits = if value.to_f64().is_nan() { u64::MAX } else { value.to_bits64() };
        (hash ^ bits).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    })
}

/// Names and fingerprints, on the tier in use.
///
/// # Panics
/// Something has no fingerprint, because it failed.
pub fn all(threads: usize, steps: usize) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    products::<f32>(threads, &mut all);
    products::<f64>(threads, &mut all);
    rows::<f32>(&mut all);
    rows::<f64>(&mut all);
    nets::<f32>(threads, steps, &mut all);
    nets::<f64>(threads, steps, &mut all);
    all
}

/// What `name` came to: two failures would have the same bits.
///
/// # Panics
/// It failed.
fn succeeded<R, E: std::fmt::Display>(name: &str, result: Result<R, E>) -> R {
    result.unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn noise<T: Element>(len: usize, scale: f64, random: &mut Random) -> Vec<T> {
    (0..len).map(|_| T::from_f64(scale * random.uniform())).collect()
}

fn products<T: Element>(threads: usize, all: &mut Vec<(String, u64)>) {
    let team = Team::new(threads);
    let mut random = Random::new(1);
    for (m, n, k) in
        [(1, 1, 1), (7, 65, 33), (128, 10, 128), (64, 784, 32), (200, 130, 1100), (1, 300, 500), (300, 1, 90)]
    {
        for layout in 0..4 {
            let (a, b) = (noise::<T>(m * k, 1.0, &mut random), noise::<T>(k * n, 1.0, &mut random));
            let mut c = noise::<T>(m * n, 1.0, &mut random);
            let strides = |rows, cols, turned| if turned { (1, rows) } else { (cols, 1) };
            let (ar, ac) = strides(m, k, layout & 1 != 0);
            let (br, bc) = strides(k, n, layout & 2 != 0);
            let name = format!("{} product {m} {n} {k} {layout}", T::NAME);
            let done = MatRef::with_strides(&a, m, k, ar, ac).and_then(|a| {
                let b = MatRef::with_strides(&b, k, n, br, bc)?;
                gemm_on(&team, T::from_f64(0.3), a, b, T::from_f64(-0.7), MatMut::new(&mut c, m, n)?)
            });
            succeeded(&name, done);
            all.push((name, hash(&c)));
        }
    }
}

fn rows<T: Element>(all: &mut Vec<(String, u64)>) {
    let isa = Isa::current();
    let mut random = Random::new(2);
    let mut z = noise::<T>(999, 12.0, &mut random);
    z.extend(
        [0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30, 88.7, -103.9, 708.3, f64::INFINITY, f64::NEG_INFINITY].map(T::from_f64),
    );
    for &activation in Activation::ALL {
        let mut a = vec![T::ZERO; z.len()];
        activation.apply(isa, &z, &mut a);
        all.push((format!("{} {activation}", T::NAME), hash(&a)));
        let mut dz = vec![T::ONE; z.len()];
        let kept = if activation.needs_preactivation() { &z } else { &a };
        activation.multiply_derivative(isa, kept, &mut dz);
        all.push((format!("{} {activation} derivative", T::NAME), hash(&dz)));
    }
    let mut p = vec![T::ZERO; 990];
    softmax_rows(isa, &z[..990], 11, &mut p);
    all.push((format!("{} softmax", T::NAME), hash(&p)));
    let values: Vec<T> = (0..990).map(|_| T::from_f64(random.uniform().abs())).collect();
    let classes: Vec<u32> = (0..90).map(|_| random.below(11) as u32).collect();
    for &loss in Loss::ALL {
        let targets = || if loss == Loss::CrossEntropy { Targets::Classes(&classes) } else { Targets::Values(&values) };
        let mut dz = vec![T::ZERO; 990];
        let value = loss.gradient(isa, &z[..990], targets(), 11, T::from_f64(0.1), &mut dz);
        all.push((format!("{} {loss:?}", T::NAME), hash(&dz) ^ value.to_bits()));
    }
}

/// A net, its loss and its optimiser, trained for some steps.
fn nets<T: Element>(threads: usize, steps: usize, all: &mut Vec<(String, u64)>) {
    let rules = [
        Optimiser::sgd(),
        Optimiser::momentum(),
        Optimiser::nesterov(),
        Optimiser::adam(),
        Optimiser::adamw().decay_biases(true),
    ];
    let nets: [(&[usize], usize, Loss, Output); 5] = [
        (&[1, 16, 1], 32, Loss::SquaredError, Output::Linear),
        (&[13, 64, 32, 1], 64, Loss::HalfSquaredError, Output::Sigmoid),
        (&[30, 64, 1], 33, Loss::LogLoss, Output::Sigmoid),
        (&[100, 128, 10], 97, Loss::CrossEntropy, Output::Softmax),
        (&[5, 200, 150, 3], 300, Loss::CrossEntropy, Output::Softmax),
    ];
    let hidden = || Activation::ALL.iter().copied().filter(|&hidden| hidden != Activation::Identity);
    for (number, (widths, batch, loss, output)) in nets.into_iter().enumerate() {
        for (which, hidden) in (1..).zip(hidden()) {
            let optimiser = rules[(number + which) % rules.len()].l2(if which % 2 == 0 { 1e-3 } else { 0.0 });
            let plan = Plan::new(loss).optimiser(optimiser.rate(0.01)).threads(threads);
            let name = format!("{} {widths:?} {hidden} {loss:?} {:?}", T::NAME, optimiser.rule);
            let hash = succeeded(&name, trained::<T>(widths, batch, hidden, output, plan, steps));
            all.push((name, hash));
        }
    }
}

/// Losses, final parameters and predictions of one run.
///
/// # Errors
/// A net that cannot be built, or a step that fails.
pub fn trained<T: Element>(
    widths: &[usize],
    batch: usize,
    hidden: Activation,
    output: Output,
    plan: Plan,
    steps: usize,
) -> Result<u64, deltarule::Error> {
    let mut random = Random::new(3);
    let outputs = widths[widths.len() - 1];
    let loss = plan.loss;
    let threads = plan.threads;
    let model = Mlp::<T>::builder(widths).hidden(hidden).output(output).seed(5).build()?;
    let mut trainer = Trainer::new(model, plan)?;
    let mut result = 0u64;
    for _ in 0..steps {
        let x = noise::<T>(batch * widths[0], 1.0, &mut random);
        let values: Vec<T> = (0..batch * outputs).map(|_| T::from_f64(random.uniform().abs())).collect();
        let classes: Vec<u32> = (0..batch).map(|_| random.below(outputs) as u32).collect();
        let targets = if loss == Loss::CrossEntropy { Targets::Classes(&classes) } else { Targets::Values(&values) };
        result = result.rotate_left(7) ^ trainer.step(&x, targets)?.to_bits();
    }
    let x = noise::<T>(batch * widths[0], 1.0, &mut random);
    let mut scratch = Scratch::with_threads(threads);
    result ^= hash(trainer.model().predict(&x, &mut scratch)?);
    for layer in trainer.model().layers() {
        result = result.rotate_left(7) ^ hash(&layer.weights()) ^ hash(layer.bias()).rotate_left(3);
    }
    Ok(result)
}

/// The nets of the benchmark's table, trained for `steps`, by updates that are fused where that pays or by none that are. A thousand steps of the
/// widest would take too long: it has [`STEPS_OF_WIDEST`] at most.
///
/// # Panics
/// A net cannot be trained.
pub fn cases(threads: usize, steps: usize, fused: bool) -> Vec<(String, u64)> {
    use Activation::{Relu, Sigmoid, Tanh};
    use Loss::{CrossEntropy, LogLoss, SquaredError};
    let cases: [(&[usize], usize, Activation, Loss, Optimiser); 10] = [
        (&[1, 16, 1], 32, Sigmoid, SquaredError, Optimiser::sgd()),
        (&[13, 64, 32, 1], 64, Relu, SquaredError, Optimiser::sgd()),
        (&[30, 64, 1], 32, Relu, LogLoss, Optimiser::sgd()),
        (&[784, 128, 10], 32, Relu, CrossEntropy, Optimiser::sgd()),
        (&[784, 128, 10], 128, Relu, CrossEntropy, Optimiser::sgd()),
        (&[784, 128, 10], 128, Sigmoid, CrossEntropy, Optimiser::sgd()),
        (&[784, 128, 10], 128, Relu, CrossEntropy, Optimiser::adam()),
        (&[784, 512, 512, 10], 256, Relu, CrossEntropy, Optimiser::sgd()),
        (&WIDEST, 512, Relu, SquaredError, Optimiser::sgd()),
        (&[4, 32, 16, 4], 10_000, Tanh, SquaredError, Optimiser::adam()),
    ];
    let train = |(widths, batch, hidden, loss, optimiser): (&[usize], usize, Activation, Loss, Optimiser)| {
        let output = match loss {
            Loss::CrossEntropy => Output::Softmax,
            Loss::LogLoss => Output::Sigmoid,
            _ => Output::Linear,
        };
        let plan = Plan::new(loss).optimiser(optimiser.rate(1e-3)).threads(threads).fused(fused);
        let steps = if widths == WIDEST { steps.min(STEPS_OF_WIDEST) } else { steps };
        let name = format!("{widths:?} b{batch} {hidden} {loss:?} {:?}, {steps} steps", optimiser.rule);
        let hash = succeeded(&name, trained::<f32>(widths, batch, hidden, output, plan, steps));
        (name, hash)
    };
    cases.into_iter().map(train).collect()
}
