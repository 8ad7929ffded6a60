//! No file has memory made for what it promises: however much that is, no block that its loader asks for is much larger than the file.
//!
//! One test, because the largest block is the whole program's.

use deltarule_tests::counting::{Counting, largest_of};
use deltarule_tests::fuzzed::{FuzzTarget, TARGETS};
use deltarule_tests::random::Random;
use deltarule_tests::repository::root;
use std::hint::black_box;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a loader may ask for, whatever the file: its buffers, its words.
const FOR_ANY: usize = 256 << 10;
/// And so many times as much as the file has bytes: a digit may become a number of a list that grows.
const FOR_EACH_BYTE: usize = 32;

/// Promises are larger than this, so that whoever believes one is found.
const PROMISED: u64 = 64 << 20;

fn check(name: &str, target: FuzzTarget, data: &[u8], what: &dyn Fn() -> String) {
    let largest = largest_of(|| target(data));
    let bound = FOR_ANY + FOR_EACH_BYTE * data.len();
    assert!(largest <= bound, "{name}, {}: {largest} bytes at once for a file of {}", what(), data.len());
}

/// Files of which some bytes are there, and far more are promised.
fn promising(name: &str) -> Vec<Vec<u8>> {
    match name {
        "idx" => idx(),
        "npy" => npy(),
        "model" | "checkpoint" => safetensors(),
        // Text promises nothing.
        _ => Vec::new(),
    }
}

fn idx() -> Vec<Vec<u8>> {
    let shapes: [&[u32]; 4] = [&[PROMISED as u32], &[u32::MAX], &[60_000, 28, 28_000], &[u32::MAX, u32::MAX]];
    let file = |shape: &[u32]| -> Vec<u8> {
        let lengths = shape.iter().flat_map(|length| length.to_be_bytes());
        [0, 0, 8, shape.len() as u8].into_iter().chain(lengths).chain([7; 9]).collect()
    };
    shapes.map(file).to_vec()
}

fn npy() -> Vec<Vec<u8>> {
    let array = |shape: &str, order: &str| {
        let text = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &[1; 16]].concat()
    };
    let shapes = [format!("({PROMISED},)"), format!("({PROMISED}, 100)"), "(2305843009213693951,)".to_owned()];
    let arrays = shapes.iter().flat_map(|shape| ["False", "True"].map(|order| array(shape, order)));
    let header = |length: u32| [b"\x93NUMPY\x02\x00", &length.to_le_bytes()[..], b"{'descr': '<f8'"].concat();
    arrays.chain([header(PROMISED as u32), header(u32::MAX)]).collect()
}

/// Of models and checkpoints: a header's length, a tensor's length, and its shape.
fn safetensors() -> Vec<Vec<u8>> {
    let file = |length: u64, header: &str| [&length.to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
    let entry = |shape: &str, end: u64| {
        let weight = format!("{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}");
        let header = format!("{{\"0.weight\":{weight}}}");
        file(header.len() as u64, &header)
    };
    let half = PROMISED / 2;
    vec![
        file(half, "{}"),
        file(PROMISED, "{}"),
        file(u64::MAX, "{}"),
        entry(&format!("[{half},1]"), 4 * half),
        entry(&format!("[1,{PROMISED}]"), 4 * PROMISED),
        entry(&format!("[{PROMISED},1]"), 4),
        entry("[4294967296,4294967296]", 4),
        entry("[1,1]", u64::MAX),
    ]
}

/// A file of the corpus, whole, cut, and with a byte turned, so that its numbers promise something else.
fn check_around(name: &str, target: FuzzTarget, path: &Path, random: &mut Random) {
    let data = std::fs::read(path).unwrap();
    check(name, target, &data, &|| path.display().to_string());
    for _ in 0..200.min(data.len()) {
        let (at, turn) = (random.below(data.len()), 1 + random.below(255) as u8);
        check(name, target, &data[..at], &|| format!("{} cut at {at}", path.display()));
        let mut bent = data.clone();
        bent[at] = bent[at].wrapping_add(turn);
        check(name, target, &bent, &|| format!("{} with {turn} more at {at}", path.display()));
    }
}

#[test]
fn nothing_is_made_for_a_promise() {
    assert_eq!(largest_of(|| drop(black_box(vec![0_u8; 1 << 20]))), 1 << 20, "blocks are measured");
    let mut random = Random::new(6);
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| *name != "gemm") {
        for (i, data) in promising(name).iter().enumerate() {
            check(name, target, data, &|| format!("promise {i}"));
        }
        let entries = std::fs::read_dir(root().join("fuzz/corpus").join(name)).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().for_each(|path| check_around(name, target, path, &mut random));
    }
}
