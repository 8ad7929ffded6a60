//! What holds for every format: what a name stands for, and data from which nothing can be learnt.

use std::fs;

use deltarule_cli::data::{CsvOptions, Source, load};

use crate::idx_bytes::idx;
use crate::npy::npy;
use crate::{refusal, thirds, write};

#[test]
fn unknown_sources_are_misuse() {
    let error = Source::parse("no-such-thing").expect_err("nothing is called that");
    assert!(error.is_misuse() && error.to_string().contains("digits, breast-cancer, diabetes, fashion-mnist"));
}

#[test]
fn a_broken_gzip_is_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("t.csv.gz");
    fs::write(&path, [0x1f, 0x8b, 8, 0, 0, 0]).expect("temporary file");
    let source = Source::parse(path.to_str().expect("a UTF-8 path")).expect("a file");
    assert!(refusal(load(&source, &CsvOptions::default())).contains("t.csv.gz"));
}

/// What never changes cannot be learnt; but a model may be measured on it.
#[test]
fn a_target_that_never_changes_is_refused_in_training() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    write(&at("t.csv"), b"a,y\n1,7.5\n2,7.5\n3,7.5\n");
    write(&at("x.npy"), &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1), }", &[1, 2, 3]));
    write(&at("y.npy"), &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[5, 5, 5]));
    fs::create_dir(at("images")).expect("temporary folder");
    write(&at("images/train-images-idx3-ubyte"), &idx(&[3, 2, 2], thirds(12)));
    write(&at("images/train-labels-idx1-ubyte"), &idx(&[3], [5; 3]));
    // That the test part has others does not help.
    write(&at("images/t10k-images-idx3-ubyte"), &idx(&[3, 2, 2], thirds(12)));
    write(&at("images/t10k-labels-idx1-ubyte"), &idx(&[3], thirds(3)));
    let pair = format!("{},{}", at("x.npy").display(), at("y.npy").display());
    for data in [at("t.csv").display().to_string(), pair, at("images").display().to_string()] {
        let source = Source::parse(&data).expect("it exists");
        let message = refusal(load(&source, &CsvOptions::default()));
        assert!(message.contains("every row has the same target, so there is nothing to learn"), "{message}");
        let measuring = CsvOptions { is_for_model: true, ..CsvOptions::default() };
        assert!(load(&source, &measuring).is_ok(), "{data}");
    }
}
