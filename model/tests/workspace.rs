//! The memory of a training step is as large as its formula says.

use deltarule::{Activation, Loss, Mlp, Output, Plan, Targets, Trainer};

/// The formula in the documentation, for the largest batch so far and for both kinds of activations.
#[test]
fn the_workspace_is_as_large_as_it_says() {
    // A layer of 512 is kept with rows further apart.
    let (widths, strides) = ([7, 20, 512, 3], [20, 528, 3]);
    for (hidden, keeps_z) in [(Activation::Relu, 0), (Activation::Gelu, 1)] {
        let model = Mlp::<f32>::builder(&widths).hidden(hidden).output(Output::Softmax).build().expect("widths");
        let mut trainer = Trainer::new(model, Plan::new(Loss::CrossEntropy)).expect("a plan that fits");
        let mut largest = 0;
        for batch in [33, 10, 50] {
            let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
            trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
            largest = largest.max(batch);
            let sum = |layers: &[usize]| layers.iter().sum::<usize>();
            let a_row = 2 * sum(&strides) + keeps_z * sum(&strides[..2]);
            let elements = a_row * largest + sum(&widths[1..]);
            assert_eq!(trainer.workspace_bytes(), 4 * elements, "{hidden}, {batch} rows");
        }
    }
}

/// The same of a net of small layers, whose batches go through it in pieces of up to 512 rows: room for one a thread.
#[test]
fn the_workspace_of_a_narrow_net_is_as_large_as_it_says() {
    for threads in [1, 2, 7] {
        let model = Mlp::<f32>::builder(&[7, 20, 3]).output(Output::Softmax).build().expect("widths");
        let plan = Plan::new(Loss::CrossEntropy).threads(threads);
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        let mut largest = 0;
        for batch in [33, 10, 1300, 600] {
            let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
            trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
            largest = largest.max(batch);
            let (rows, pieces) = (largest.min(512), largest.div_ceil(512).min(threads));
            let elements = (pieces * (2 * rows + rows.div_ceil(64)) + 1) * (20 + 3);
            assert_eq!(trainer.workspace_bytes(), 4 * elements, "{batch} rows, {threads} threads");
        }
    }
}

/// More threads find room, though the batch is no larger.
#[test]
fn the_workspace_follows_the_threads() {
    let model = Mlp::<f32>::builder(&[7, 20, 3]).output(Output::Softmax).build().expect("widths");
    let plan = |threads| Plan::new(Loss::CrossEntropy).threads(threads);
    let mut trainer = Trainer::new(model, plan(1)).expect("a plan that fits");
    for (threads, pieces, batch) in [(1, 1, 1300), (2, 2, 1300), (7, 3, 1300), (1, 3, 1300), (7, 3, 600)] {
        trainer.set_plan(plan(threads)).expect("a plan that fits");
        let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
        trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
        let elements = (pieces * (2 * 512 + 8) + 1) * (20 + 3);
        assert_eq!(trainer.workspace_bytes(), 4 * elements, "{threads} threads, {batch} rows");
    }
}
