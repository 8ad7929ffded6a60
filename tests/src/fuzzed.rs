//! What the fuzzers do with their bytes: a function a target, which panics where a promise is broken. The targets under
//! `fuzz/` call these; the test `fuzz_corpus` replays every kept input through them on a stable compiler.

use crate::product::Product;
use crate::random::Random;
use deltarule::{Element, LoadOptions, Mlp, Output, Scratch, Trainer};
use deltarule_cli::data::{CsvOptions, Header, Target, TargetColumn, read_csv, read_idx, read_npy};
use deltarule_kernels::{Isa, Team};

/// What a fuzzer calls with its bytes.
pub type FuzzTarget = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, FuzzTarget); 6] =
    [("gemm", gemm), ("csv", csv), ("idx", idx), ("npy", npy), ("model", model), ("checkpoint", checkpoint)];

/// A product whose sizes, tier and threads are the first bytes, and whose numbers follow from the rest as a seed.
pub fn gemm(data: &[u8]) {
    let [m, n, k, deep, how, seed @ ..] = data else { return };
    // k reaches past a block of the depth now and then, with m and n small enough for a quick oracle.
    let (m, n, k) = match deep % 8 {
        0 => (usize::from(m % 16), usize::from(n % 80), usize::from(*k) * 9),
        _ => (usize::from(*m) % 140, usize::from(*n) % 140, usize::from(k % 70)),
    };
    let seed = seed.iter().fold(u64::from(*how), |seed, &byte| seed.wrapping_mul(257).wrapping_add(u64::from(byte)));
    let tiers = Isa::available();
    let isa = tiers[usize::from(*how) % tiers.len()];
    let team = Team::new(1 + usize::from(how / 64));
    if how & 32 == 0 {
        gemm_of::<f32>([m, n, k], seed, isa, &team)
    } else {
        gemm_of::<f64>([m, n, k], seed, isa, &team)
    }
}

fn gemm_of<T: Element>([m, n, k]: [usize; 3], seed: u64, isa: Isa, team: &Team) {
    Product::<T>::random(m, n, k, &mut Random::new(seed)).check(isa, team);
}

/// A CSV file under the options that its first byte chooses. What is read must be whole.
pub fn csv(data: &[u8]) {
    let [how, text @ ..] = data else { return };
    let options = CsvOptions {
        header: [Header::Detect, Header::Present, Header::Missing][usize::from(how % 3)],
        target: match how / 3 % 3 {
            0 => TargetColumn::Last,
            1 => TargetColumn::Given("0".to_owned()),
            _ => TargetColumn::Given("-2".to_owned()),
        },
        ..CsvOptions::default()
    };
    let Ok(set) = read_csv("fuzzed.csv", text, &options) else { return };
    assert_eq!(set.features.len(), set.rows * set.columns);
    assert!((0..set.features.len()).all(|at| set.features.get(at).is_finite()));
    match &set.target {
        Target::Classes { labels, names } => {
            assert_eq!(labels.len(), set.rows);
            assert!(labels.iter().all(|&label| (label as usize) < names.len()));
        }
        Target::Values(values) => {
            assert_eq!(values.len(), set.rows);
            assert!(values.iter().all(|value| value.is_finite()));
        }
        Target::Absent => {}
    }
}

/// An IDX file: as many bytes as its dimensions say.
pub fn idx(data: &[u8]) {
    if let Ok(array) = read_idx("fuzzed.idx", data) {
        assert_eq!(array.bytes.len(), array.shape.iter().product::<usize>());
        assert!(array.bytes.len() <= data.len());
    }
}

/// An NPY file: as many numbers as its shape says.
pub fn npy(data: &[u8]) {
    if let Ok(array) = read_npy("fuzzed.npy", data) {
        assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
        assert!(array.values.len() <= data.len());
    }
}

/// A model file. What is loaded predicts, and saved again loads with the same bytes.
pub fn model(data: &[u8]) {
    model_of::<f32>(data, &LoadOptions::new());
    model_of::<f64>(data, &LoadOptions::new().output(Output::Linear));
}

fn model_of<T: Element>(data: &[u8], options: &LoadOptions) {
    let Ok(model) = Mlp::<T>::from_bytes(data, options) else { return };
    let row = vec![T::ONE; model.inputs()];
    let outputs = model.predict(&row, &mut Scratch::new()).map(<[T]>::len);
    assert_eq!(outputs.ok(), Some(model.outputs()));
    let saved = model.to_bytes();
    let again = Mlp::<T>::from_bytes(&saved, &LoadOptions::new()).map(|model| model.to_bytes());
    assert_eq!(again.ok(), Some(saved), "a model that was loaded can be saved and loaded again");
}

/// A checkpoint: what is loaded can be saved and loaded again, with the same bytes.
pub fn checkpoint(data: &[u8]) {
    let Ok(trainer) = Trainer::<f32>::from_bytes(data) else { return };
    let saved = trainer.to_bytes();
    let again = Trainer::<f32>::from_bytes(&saved).map(|trainer| trainer.to_bytes());
    assert_eq!(again.ok(), Some(saved), "a run that was loaded can be saved and loaded again");
}
