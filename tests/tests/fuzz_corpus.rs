//! Every input that a fuzzer kept, replayed: one test a target.

use deltarule_tests::fuzzed::{self, TARGETS};
use deltarule_tests::repository::root;

/// Runs every file of the target's corpus; the one that fails is named.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|(target, _)| *target == name).unwrap().1;
    let folder = root().join("fuzz/corpus").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    for path in paths {
        let data = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| target(&data));
        assert!(outcome.is_ok(), "{name}: {}", path.display());
    }
}

#[test]
fn gemm() {
    replay("gemm");
}

#[test]
fn csv() {
    replay("csv");
}

#[test]
fn idx() {
    replay("idx");
}

#[test]
fn npy() {
    replay("npy");
}

#[test]
fn model() {
    replay("model");
}

#[test]
fn checkpoint() {
    replay("checkpoint");
}

/// A fuzz target that the replay forgets would rot.
#[test]
fn every_target_is_replayed() {
    let mut here: Vec<_> = std::fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    here.sort();
    let mut known: Vec<_> = fuzzed::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(here, known);
}

/// A fuzzer that begins with what the loader refuses at once gets nowhere.
#[test]
fn the_first_checkpoint_is_one() {
    let data = std::fs::read(root().join("fuzz/corpus/checkpoint/adam")).unwrap();
    let trainer = deltarule::Trainer::<f32>::from_bytes(&data).expect("a checkpoint");
    assert_eq!(trainer.history().len(), 2);
}

/// Noise of every length, and every kept input cut at every byte and with every byte turned: quick, and enough to find
/// the loaders' careless moments without a fuzzer.
#[test]
fn cut_and_bent() {
    let mut random = deltarule_tests::random::Random::new(9);
    for (name, target) in TARGETS.iter().filter(|(name, _)| *name != "gemm") {
        for path in std::fs::read_dir(root().join("fuzz/corpus").join(name)).unwrap() {
            let data = std::fs::read(path.unwrap().path()).unwrap();
            let places: Vec<usize> = (0..200.min(data.len())).map(|_| random.below(data.len())).collect();
            for at in places {
                target(&data[..at]);
                let mut bent = data.clone();
                bent[at] = bent[at].wrapping_add(1 + random.below(255) as u8);
                target(&bent);
            }
        }
        for len in 0..64 {
            target(&(0..len).map(|_| random.bits() as u8).collect::<Vec<_>>());
        }
    }
}
