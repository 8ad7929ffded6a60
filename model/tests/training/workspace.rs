//! The memory of a training step, and that of predictions, is as large as its formula says.

use deltarule::{Activation, Loss, Mlp, Output, Plan, Scratch, Standardisation, Targets, Trainer};

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

/// Of the most rows so far, up to 256 of which are on their way; the logits of all are copied where a softmax makes probabilities of them.
#[test]
fn the_scratch_is_as_large_as_it_says() {
    for (output, standardises) in [Output::Linear, Output::Softmax].into_iter().flat_map(|o| [(o, false), (o, true)]) {
        let mut builder = Mlp::<f32>::builder(&[7, 20, 30, 3]).output(output);
        if standardises {
            builder = builder.standardise(Standardisation::new(vec![0.0; 7], vec![1.0; 7]).expect("equally long"));
        }
        let model = builder.build().expect("widths");
        let mut scratch = Scratch::new();
        assert_eq!(scratch.bytes(), 0);
        let mut most = 0;
        for rows in [1, 300, 256, 10, 5000] {
            model.predict(&vec![0.5; rows * 7], &mut scratch).expect("rows");
            most = most.max(rows);
            let (way, outputs) = (most.min(256), most * 3);
            let logits = if output == Output::Softmax { outputs } else { 0 };
            let inputs = if standardises { way * 7 } else { 0 };
            let elements = outputs + way * 30 + logits.max(way * 30) + inputs;
            assert_eq!(scratch.bytes(), 4 * elements, "{output}, standardises {standardises}, {rows} rows");
        }
    }
}
