//! IDX: files, and folders of them.

use deltarule_cli::data::{CsvOptions, Features, Source, Target, TargetColumn, load, read_idx};

use crate::idx_bytes::idx;
use crate::{refusal, thirds, write};

#[test]
fn idx_files_and_their_faults() {
    let good = idx(&[2, 3], thirds(6));
    assert_eq!(read_idx("i", good.as_slice()).expect("sound").shape, [2, 3]);
    for end in 0..good.len() {
        assert!(refusal(read_idx("i", &good[..end])).starts_with("i, byte "), "cut at {end}");
    }
    let mut long = good.clone();
    long.push(0);
    assert!(refusal(read_idx("i", long.as_slice())).starts_with("i, byte 18: the file goes on"));
    assert!(refusal(read_idx("i", &b"PK\x03\x04"[..])).contains("not an IDX file"));
    assert!(refusal(read_idx("i", &[0, 0, 13, 1][..])).contains("element type 0x0d"));
    assert!(refusal(read_idx("i", &[0, 0, 8, 0][..])).contains("0 dimensions"));
    assert!(refusal(read_idx("i", idx(&[u32::MAX, u32::MAX, u32::MAX], thirds(4)).as_slice())).contains("overflows"));
    let promising = idx(&[60_000, 28, 28_000], thirds(10));
    assert!(refusal(read_idx("i", promising.as_slice())).starts_with("i, byte 26: the file ends after 10 elements"));
}

#[test]
fn idx_folders() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = Source::parse(folder.path().to_str().expect("a UTF-8 path")).expect("a folder");
    let open = || load(&source, &CsvOptions::default());
    assert!(refusal(open()).contains("no train-images-idx3-ubyte"));
    write(&folder.path().join("train-images-idx3-ubyte.gz"), &idx(&[6, 2, 2], thirds(24)));
    assert!(refusal(open()).contains("no train-labels-idx1-ubyte"));
    write(&folder.path().join("train-labels-idx1-ubyte"), &idx(&[5], thirds(5)));
    assert!(refusal(open()).contains("holds 5 labels"));
    write(&folder.path().join("train-labels-idx1-ubyte"), &idx(&[6], thirds(6)));
    let data = open().expect("sound");
    assert_eq!((data.rows, data.columns, data.class_names().len(), data.official_test), (6, 4, 3, None));
    assert!(matches!(data.features, Features::Bytes(_)));
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 3], thirds(12)));
    write(&folder.path().join("t10k-labels-idx1-ubyte"), &idx(&[2], thirds(2)));
    assert!(refusal(open()).contains("training images are [2, 2], test images [2, 3]"));
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 2], thirds(8)));
    let data = open().expect("sound");
    assert_eq!((data.rows, data.official_test), (8, Some(6..8)));
}

/// New images have no labels, and need none to be predicted on.
#[test]
fn idx_images_without_labels() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let images = folder.path().join("train-images-idx3-ubyte.gz");
    write(&images, &idx(&[6, 2, 2], thirds(24)));
    let [source, file] =
        [folder.path(), &images].map(|path| Source::parse(path.to_str().expect("a UTF-8 path")).expect("it exists"));
    let predicting = CsvOptions { target: TargetColumn::Absent, is_for_model: true, ..CsvOptions::default() };
    let open = |source| load(source, &predicting).expect("images alone");
    for source in [&source, &file] {
        let data = open(source);
        assert_eq!((data.rows, data.columns, data.target), (6, 4, Target::Absent));
        assert_eq!(data.official_test, None);
    }
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 2], thirds(8)));
    let data = open(&source);
    assert_eq!((data.rows, data.official_test), (8, Some(6..8)));
    assert!(refusal(load(&source, &CsvOptions::default())).contains("no train-labels-idx1-ubyte"));
    let error = load(&file, &CsvOptions::default()).expect_err("no targets");
    assert!(error.is_misuse() && error.to_string().contains("give the folder"), "{error}");
    let labels = folder.path().join("train-labels-idx1-ubyte");
    write(&labels, &idx(&[6], thirds(6)));
    let file = Source::parse(labels.to_str().expect("a UTF-8 path")).expect("it exists");
    assert!(refusal(load(&file, &predicting)).contains("these are labels, not images"));
}

/// Some who publish such files write a point for the second dash.
#[test]
fn idx_names_may_have_a_point() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    write(&at("train-images.idx3-ubyte"), &idx(&[6, 2, 2], thirds(24)));
    write(&at("train-labels.idx1-ubyte.gz"), &idx(&[6], thirds(6)));
    write(&at("t10k-images.idx3-ubyte.gz"), &idx(&[3, 2, 2], thirds(12)));
    write(&at("t10k-labels.idx1-ubyte"), &idx(&[3], thirds(3)));
    let source = Source::parse(folder.path().to_str().expect("a UTF-8 path")).expect("a folder");
    let data = load(&source, &CsvOptions::default()).expect("sound");
    assert_eq!((data.rows, data.columns, data.official_test), (9, 4, Some(6..9)));
}
