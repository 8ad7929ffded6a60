//! Writes the first inputs of the fuzzers' corpus: small files of every kind, good ones and ones with a fault each.
//!
//! `cargo run -p deltarule-tests --bin seeds`, after a file format has changed.

use deltarule::{Activation, Loss, Mlp, Optimiser, Output, Plan, Standardisation, Targets, Trainer};
use deltarule_tests::repository::root;
use std::error::Error;
use std::fs;

/// A name and the bytes of the file.
type Seed = (String, Vec<u8>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut seeds: Vec<(&str, String, Vec<u8>)> = Vec::new();
    for (name, bytes) in products().into_iter().chain(tables()).chain(arrays()) {
        let (target, name) = name.split_once('/').ok_or("a seed is called target/name")?;
        seeds.push((target, name.to_owned(), bytes));
    }
    for (name, bytes) in models()? {
        seeds.push(("model", name, bytes));
    }
    seeds.push(("checkpoint", "adam".to_owned(), checkpoint()?));
    for (target, name, bytes) in seeds {
        let folder = root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

/// Sizes around tiles, on every tier, in both element types.
fn products() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("gemm/empty", vec![0, 0, 0, 1, 0]),
        ("gemm/one", vec![1, 1, 1, 1, 1, 7]),
        ("gemm/row", vec![1, 130, 60, 1, 2, 9]),
        ("gemm/column", vec![130, 1, 60, 1, 34, 9]),
        ("gemm/tiles", vec![13, 65, 33, 1, 2, 1, 2, 3]),
        ("gemm/tiles64", vec![13, 65, 33, 1, 33, 1, 2, 3]),
        ("gemm/deep", vec![7, 17, 255, 0, 66, 5]),
        ("gemm/portable", vec![30, 31, 32, 1, 0, 4]),
        ("gemm/team", vec![139, 139, 69, 1, 194, 4]),
    ]
}

/// CSV. The first byte chooses the options.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let with = |how: u8, text: &[u8]| [&[how][..], text].concat();
    vec![
        ("csv/names", with(0, b"a,b,y\n1,2,cat\n3,4,dog\n5,6,cat\n")),
        ("csv/numbers", with(2, b"1.5,2,0.1\n3e3,-4,0.2\n.5,+6,0.3\n")),
        ("csv/quoted", with(1, b"\"a,\"\"1\"\"\",b\n\"1\",\"x\ny\"\n2,z\n")),
        ("csv/crlf", with(0, b"\xef\xbb\xbfa;b\r\n1;2\r\n3;4")),
        ("csv/ragged", with(0, b"a,b\n1,2\n3\n")),
        ("csv/blank", with(0, b"a,b\n1,\n\n3,nan\n")),
        ("csv/first", with(3, b"y\tx\n1\t2\n0\t1e400\n")),
        ("csv/unclosed", with(1, b"a,b\n\"1,2\n")),
    ]
}

/// IDX and NPY.
fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    let idx = |header: &[u8], data: usize| [header, &vec![7; data]].concat();
    let npy = |text: &str, data: usize| {
        let text = format!("{text:<117}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &vec![1; data]].concat()
    };
    vec![
        ("idx/labels", idx(&[0, 0, 8, 1, 0, 0, 0, 5], 5)),
        ("idx/images", idx(&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3], 18)),
        ("idx/huge", idx(&[0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], 9)),
        ("idx/floats", idx(&[0, 0, 13, 1, 0, 0, 0, 1], 4)),
        ("idx/cut", idx(&[0, 0, 8, 2, 0, 0], 0)),
        ("npy/f4", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24)),
        ("npy/f8", npy("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", 48)),
        ("npy/i8", npy("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", 32)),
        ("npy/bytes", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 2), }", 8)),
        ("npy/huge", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 8)),
        ("npy/objects", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8)),
    ]
}

/// Model files: ours, and one as PyTorch would leave it.
fn models() -> Result<Vec<Seed>, Box<dyn Error>> {
    let scale = |n: usize| Standardisation::new(vec![0.5; n], vec![2.0; n]);
    let small = Mlp::<f32>::builder(&[2, 3, 2]).hidden(Activation::Tanh).output(Output::Softmax);
    let named = small.clone().classes(["a", "b"]).features(["x", "y"]).standardise(scale(2)?);
    let line = Mlp::<f64>::builder(&[1, 1]).standardise_targets(scale(1)?);
    let leaky = Mlp::<f32>::builder(&[1, 2, 2, 1]).hidden(Activation::LeakyRelu { slope: 0.2 }).output(Output::Sigmoid);
    let header = br#"{"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    let foreign = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
    Ok(vec![
        ("softmax".to_owned(), small.build()?.to_bytes()),
        ("named".to_owned(), named.build()?.to_bytes()),
        ("line".to_owned(), line.build()?.to_bytes()),
        ("leaky".to_owned(), leaky.build()?.to_bytes()),
        ("foreign".to_owned(), foreign),
        ("huge_header".to_owned(), [&u64::MAX.to_le_bytes()[..], b"{}"].concat()),
    ])
}

/// A run in its middle.
fn checkpoint() -> Result<Vec<u8>, Box<dyn Error>> {
    let model = Mlp::<f32>::builder(&[2, 2, 1]).build()?;
    let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::adam()))?;
    trainer.step(&[1.0, 2.0], Targets::Values(&[0.5]))?;
    Ok(trainer.to_bytes())
}
