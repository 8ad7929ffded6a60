//! Checkpoints: read with the suspicion of model files, and whole again where they make sense.

use crate::saved::{Folder, model, problem, read, with_header};
use deltarule::{Dataset, FileError, Loss, Mlp, NonFinite, Optimiser, Plan, Targets, Trainer, file};
use std::ops::ControlFlow;

#[test]
fn checkpoints_are_read_with_the_same_suspicion() {
    let data = Dataset::with_classes(vec![0.1, 5.0, -0.7, 1e-3, 2.0, 9.0], 2, vec![0, 1, 2], 3).expect("good data");
    let plan = Plan::new(Loss::CrossEntropy).epochs(2).batch(2).patience(5);
    let mut trainer = Trainer::new(model(), plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let bytes = trainer.to_bytes();
    assert_eq!(Trainer::<f32>::from_bytes(&bytes).expect("a checkpoint").to_bytes(), bytes);
    for len in 0..bytes.len() {
        problem(Trainer::<f32>::from_bytes(&bytes[..len]));
    }
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 0x04;
        let _ = Trainer::<f32>::from_bytes(&damaged);
    }
    assert!(matches!(problem(read(&bytes)), FileError::Metadata(_)), "a checkpoint is no model");
    let no_checkpoint = problem(Trainer::<f32>::from_bytes(&model().to_bytes()));
    assert!(matches!(no_checkpoint, FileError::Metadata(_)), "a model is no checkpoint");
}

/// What is not there under its name is missed, not taken for none: a run would go on without its clipping, a model without its standardisation.
#[test]
fn every_entry_of_a_checkpoint_is_missed() {
    let data = Dataset::with_classes(vec![0.1, 5.0, -0.7, 1e-3, 2.0, 9.0], 2, vec![0, 1, 2], 3).expect("good data");
    let plan = Plan::new(Loss::CrossEntropy).epochs(2).batch(2).patience(5).clip_norm(1.0);
    let mut trainer = Trainer::new(model(), plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let bytes = trainer.to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    // In the text within the text that the metadata are.
    let mut keys: Vec<&str> = text.split(r#"\":"#).filter_map(|before| before.rsplit(r#"\""#).next()).collect();
    keys.pop();
    assert!(keys.len() > 40 && ["inputs", "clip_norm", "good"].iter().all(|key| keys.contains(key)), "{keys:?}");
    keys.retain(|key| {
        let renamed = with_header(&bytes, &format!(r#"\"{key}\":"#), &format!(r#"\"{key}x\":"#));
        Trainer::<f32>::from_bytes(&renamed).is_ok()
    });
    assert_eq!(
        keys,
        ["target_name", "test_share", "provenance", "lowest", "doubted", "note"],
        "there are files without"
    );
    for (from, to) in [
        (r#"\"early_stopping\":[5,0.0]"#, r#"\"early_stopping\":7"#),
        (r#"\"clip_norm\":1.0"#, r#"\"clip_norm\":true"#),
        (r#"\"doubted\":false"#, r#"\"doubted\":7"#),
        (r#"\"good\":null"#, r#"\"good\":9007199254740993"#),
    ] {
        let problem = problem(Trainer::<f32>::from_bytes(&with_header(&bytes, from, to)));
        assert!(matches!(problem, FileError::Metadata(_)), "{to}: {problem}");
    }
}

#[test]
fn counts_and_moments_of_a_checkpoint_make_sense() {
    let model = Mlp::<f32>::builder(&[2, 2]).build().expect("a model");
    let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError)).expect("a plan that fits");
    trainer.step(&[1.0, 2.0], Targets::Values(&[3.0, 5.0])).expect("finite");
    let bytes = trainer.to_bytes();
    let most = u64::MAX.to_string();
    for (from, to) in [
        (r#"\"clock\":[0,0,1,1]"#, format!(r#"\"clock\":[0,0,1,{most}]"#)),
        (r#"\"sums\":[0.0,0,0]"#, format!(r#"\"sums\":[0.0,{most},0]"#)),
        (r#"\"sums\":[0.0,0,0]"#, format!(r#"\"sums\":[0.0,0,{most}]"#)),
        (r#",0],\"lowest\""#, format!(r#",{most}],\"lowest\""#)),
        (r#",0],\"plateau\""#, format!(r#",{most}],\"plateau\""#)),
        (r#",0],\"rate_factor\""#, format!(r#",{most}],\"rate_factor\""#)),
    ] {
        assert!(Trainer::<f32>::from_bytes(&with_header(&bytes, from, from)).is_ok());
        let message = problem(Trainer::<f32>::from_bytes(&with_header(&bytes, from, &to))).to_string();
        assert!(message.contains("state"), "{to}: {message}");
    }
    // Six numbers each of the weights, the means of gradients and the means of squares.
    let with = |index: usize, x: f32| {
        let mut damaged = bytes.clone();
        let at = bytes.len() - 4 * 18 + 4 * index;
        damaged[at..at + 4].copy_from_slice(&x.to_le_bytes());
        Trainer::<f32>::from_bytes(&damaged)
    };
    assert!((0..18).all(|index| with(index, f32::NAN).is_err()));
    assert!((0..18).all(|index| with(index, -1.0).is_err() == (index >= 12)));
    assert!(with(17, f32::INFINITY).is_ok(), "a square may overflow");
}

#[test]
fn a_checkpoint_brings_back_what_was_noted() {
    let model = Mlp::<f32>::builder(&[2, 2]).build().expect("a model");
    let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError)).expect("a plan that fits");
    let load = |bytes: &[u8]| Trainer::<f32>::from_bytes(bytes);
    let bytes = trainer.to_bytes();
    assert_eq!(load(&bytes).expect("a checkpoint").note(), None);
    let before = load(&with_header(&bytes, r#",\"note\":null"#, "")).expect("a checkpoint of before there were notes");
    assert_eq!(before.note(), None);
    trainer.set_note("{\"rows\": 3}\n");
    let back = load(&trainer.to_bytes()).expect("a checkpoint");
    assert_eq!(back.note(), Some("{\"rows\": 3}\n"));
    assert_eq!(back.to_bytes(), trainer.to_bytes());
    assert!(matches!(problem(load(&with_header(&bytes, r#"\"note\":null"#, r#"\"note\":3"#))), FileError::Metadata(_)));
}

/// Files of before the lowest loss was told apart hold the weights of the one that patience counts against.
#[test]
fn a_checkpoint_without_a_lowest_loss_takes_that_of_patience() {
    let data = Dataset::with_values(vec![1.0f32, -1.0], 1, vec![2.0, 0.5], 1).expect("good data");
    let model = Mlp::<f32>::builder(&[1, 1]).build().expect("a model");
    let plan = Plan::new(Loss::HalfSquaredError).epochs(3).batch(2).patience(9);
    let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let bytes = trainer.to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let (from, to) =
        (text.find(r#",\"lowest\""#).expect("a lowest loss"), text.find(r#",\"plateau\""#).expect("another"));
    let before = Trainer::<f32>::from_bytes(&with_header(&bytes, &text[from..to], "")).expect("a checkpoint of before");
    assert_eq!(before.best_epoch(), trainer.best_epoch());
    assert!(before.to_bytes() == bytes, "without a margin both are one");
    let damaged = with_header(&bytes, &text[from..to], r#",\"lowest\":3"#);
    assert!(problem(Trainer::<f32>::from_bytes(&damaged)).to_string().contains("state"));
}

/// The epochs do not lengthen the header, which is read up to a bound: a run may be as long as it likes.
#[test]
fn two_thousand_epochs_come_back() {
    let folder = Folder::new();
    let data = Dataset::with_values(vec![1.0f32, -1.0], 1, vec![2.0, 0.5], 1).expect("good data");
    let run = |epochs, validation| {
        let model = Mlp::<f32>::builder(&[1, 1]).build().expect("a model");
        let plan = Plan::new(Loss::HalfSquaredError).epochs(epochs).batch(2);
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        trainer.fit(&data, validation, |_| ControlFlow::Continue(())).expect("finite");
        trainer
    };
    let header = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    for validation in [None, Some(&data)] {
        let long = run(2000, validation);
        let bytes = long.to_bytes();
        let back = Trainer::<f32>::from_bytes(&bytes).expect("a checkpoint");
        assert_eq!((back.history().len(), back.history()), (2000, long.history()));
        assert_eq!(back.to_bytes(), bytes);
        assert!(header(&bytes) < header(&run(1, validation).to_bytes()) + 300, "a few digits more");
        let path = folder.join("run");
        long.save(&path).expect("saved");
        assert_eq!(file::element_type(&path).expect("a checkpoint"), "F32", "that of its weights");
    }
}

#[test]
fn a_checkpoint_without_its_epochs_is_refused() {
    let model = Mlp::<f32>::builder(&[2, 2]).build().expect("a model");
    let bytes = Trainer::new(model, Plan::new(Loss::HalfSquaredError)).expect("a plan that fits").to_bytes();
    let without = with_header(&bytes, r#""history":{"dtype":"F64","shape":[0,7],"data_offsets":[0,0]},"#, "");
    // A list among the metadata is no table.
    let with_text = with_header(&without, r#"\"early\""#, r#"\"history\":[],\"early\""#);
    for bytes in [without, with_text] {
        let missing = problem(Trainer::<f32>::from_bytes(&bytes));
        assert!(matches!(&missing, FileError::Missing(name) if name == "history"), "{missing}");
    }
}

/// A run may have ended with its best weights and still hold others, with which it would go on.
#[test]
fn the_last_weights_of_a_run_count_too() {
    let folder = Folder::new();
    let data = Dataset::with_values(vec![1.0f32, -1.0], 1, vec![1.0, -1.0], 1).expect("good data");
    let plan = |rate, l2, epochs| {
        let optimiser = Optimiser::sgd().rate(rate).l2(l2);
        Plan::new(Loss::HalfSquaredError).optimiser(optimiser).epochs(epochs).batch(2).patience(9)
    };
    let mut model = Mlp::<f32>::builder(&[1, 1]).build().expect("a model");
    model.set_layer(0, &[8.0], &[0.0]).expect("lengths that fit");
    let mut trainer = Trainer::new(model, plan(0.1, 0.0, 1)).expect("a plan that fits");
    // A penalty is added to a gradient that was found good, and validation finds what has become of the weights.
    for plan in [plan(0.1, 0.0, 1), plan(1e18, 1e20, 2)] {
        trainer.set_plan(plan).expect("the same rule and loss");
        trainer.fit(&data, Some(&data), |_| ControlFlow::Continue(())).expect("losses that are finite");
    }
    let refused = problem(trainer.save(folder.join("run")));
    assert!(matches!(&refused, FileError::NotFinite { tensor, .. } if tensor == "aside.0.weight"), "{refused}");
    assert!(folder.names().is_empty());
    trainer.model().save(folder.join("model")).expect("the best weights are finite");
}

/// Where a number of a tensor stands in a file of `f32`, which the reference implementation finds.
fn place_of(bytes: &[u8], tensor: &str, index: usize) -> usize {
    let (header, metadata) = safetensors::SafeTensors::read_metadata(bytes).expect("a header");
    8 + header + metadata.info(tensor).expect(tensor).data_offsets.0 + 4 * index
}

/// The weights that a run holds beside the model's are none of the model's.
#[test]
fn a_weight_that_is_no_number_is_named_with_its_tensor() {
    let data = Dataset::with_values(vec![1.0f32, -1.0], 1, vec![2.0, 0.5], 1).expect("good data");
    let model = Mlp::<f32>::builder(&[1, 3, 1]).build().expect("a model");
    let plan = Plan::new(Loss::HalfSquaredError).epochs(2).batch(2).patience(9).non_finite(NonFinite::RollBack);
    let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let bytes = trainer.to_bytes();
    for (prefix, (name, at)) in ["", "aside.", "good."].into_iter().flat_map(|prefix| {
        [("0.weight", 2), ("0.bias", 1), ("2.weight", 0), ("2.bias", 0)].map(|number| (prefix, number))
    }) {
        let bad = format!("{prefix}{name}");
        let place = place_of(&bytes, &bad, at);
        for number in [f32::NAN, f32::INFINITY] {
            let mut damaged = bytes.clone();
            damaged[place..place + 4].copy_from_slice(&number.to_le_bytes());
            let refused = problem(Trainer::<f32>::from_bytes(&damaged));
            assert!(
                matches!(&refused, FileError::NotFinite { tensor, index, .. } if (tensor, *index) == (&bad, at)),
                "{bad}: {refused}"
            );
        }
    }
}
