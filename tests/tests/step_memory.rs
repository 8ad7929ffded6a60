//! What a first step, and the first batch of a run, allocate is what the documentation of `Trainer::workspace_bytes` says, and no more.
//!
//! One test, because the count is the whole program's.

use deltarule::{Activation, Dataset, Element, Loss, Mlp, Optimiser, Output, Plan, Targets, Trainer};
use deltarule_kernels::dense::batch_stride;
use deltarule_tests::counting::{Counting, live, wait_for_rest};
use std::ops::ControlFlow;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whole lines in every width, so that nothing is rounded up. A batch goes through the one whole, through the other in pieces, of which one has room
/// for all of it.
const WHOLE: [usize; 3] = [64, 128, 32];
const CUT: [usize; 3] = [32, 16, 48];
/// Rows of a batch, and of the data of a run.
const BATCH: usize = 192;
const ROWS: usize = 500;
/// What the lists of such memory may take themselves.
const LISTS: usize = 1024;

/// Which net, and how it is trained.
struct Case {
    widths: [usize; 3],
    hidden: Activation,
    plan: Plan,
    keeps_gradient: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        let plan = Plan::new(Loss::CrossEntropy).optimiser(Optimiser::adam()).batch(BATCH).epochs(1);
        let case = |widths, hidden, plan, keeps_gradient| Self { widths, hidden, plan, keeps_gradient };
        vec![
            case(WHOLE, Activation::Relu, plan, false),
            case(WHOLE, Activation::Gelu, plan, false),
            case(WHOLE, Activation::Relu, plan.fused(false), true),
            case(WHOLE, Activation::Relu, plan.clip_norm(1.0), true),
            case(CUT, Activation::Relu, plan, true),
            case(CUT, Activation::Gelu, plan, true),
        ]
    }

    fn trainer<T: Element>(&self) -> Trainer<T> {
        let model = Mlp::<T>::builder(&self.widths).hidden(self.hidden).output(Output::Softmax).build().unwrap();
        Trainer::new(model, self.plan).unwrap()
    }

    /// The bytes of a step, but for those of the bias gradients, which are there before it.
    fn step<T: Element>(&self) -> usize {
        let [inputs, hidden, outputs] = self.widths;
        let stride = batch_stride::<T>(hidden);
        let kept_z = if self.hidden.needs_preactivation() { stride } else { 0 };
        let sums = if self.widths == CUT { BATCH.div_ceil(64) * (hidden + outputs) } else { 0 };
        let gradient = if self.keeps_gradient { inputs * hidden + hidden * outputs } else { 0 };
        (BATCH * (2 * (stride + outputs) + kept_z) + sums + gradient) * size_of::<T>()
    }

    /// The bytes of a gathered batch, and of the order of the rows.
    fn batch<T: Element>(&self) -> usize {
        BATCH * self.widths[0] * size_of::<T>() + 4 * BATCH + 4 * ROWS
    }
}

/// The same as expected, but for lists.
fn assert_taken(what: &str, case: &Case, taken: usize, expected: usize) {
    let Case { widths, hidden, plan, .. } = case;
    let plan = format!("fused {}, clipped {:?}", plan.fused, plan.clip_norm);
    assert!(
        (expected..=expected + LISTS).contains(&taken),
        "{what} of {widths:?} {hidden}, {plan}: {taken} for {expected}"
    );
}

fn check<T: Element>() {
    let numbers =
        |len: usize| -> Vec<T> { (0..len).map(|i| T::from_f64((i * 37 % 101) as f64 / 50.0 - 1.0)).collect() };
    for case in Case::all() {
        let [inputs, _, outputs] = case.widths;
        let classes = |rows: usize| -> Vec<u32> { (0..rows as u32).map(|row| row % outputs as u32).collect() };
        let (x, labels) = (numbers(BATCH * inputs), classes(BATCH));
        // What the thread packs into is there after one of the kind.
        case.trainer::<T>().step(&x, Targets::Classes(&labels)).unwrap();
        let mut trainer = case.trainer::<T>();
        let (before, held) = (live(), trainer.workspace_bytes());
        trainer.step(&x, Targets::Classes(&labels)).unwrap();
        let (taken, workspace) = (live() - before, trainer.workspace_bytes() - held);
        assert_taken("a step", &case, taken, case.step::<T>());
        let gradient = if case.keeps_gradient { case.widths.windows(2).map(|pair| pair[0] * pair[1]).sum() } else { 0 };
        assert_eq!(
            workspace + gradient * size_of::<T>(),
            case.step::<T>(),
            "the workspace, and the gradient beside it"
        );

        let data = Dataset::with_classes(numbers(ROWS * inputs), inputs, classes(ROWS), outputs).unwrap();
        let mut trainer = case.trainer::<T>();
        let (before, mut taken) = (live(), 0);
        let stop = |_: &deltarule::Progress<'_>| {
            taken = live() - before;
            ControlFlow::Break(())
        };
        trainer.fit(&data, None, stop).unwrap();
        assert_taken("a batch of a run", &case, taken, case.step::<T>() + case.batch::<T>());
    }
}

#[test]
fn a_step_takes_what_its_formula_says() {
    wait_for_rest();
    check::<f32>();
    check::<f64>();
}
