//! NPY: arrays, and pairs of them.

use deltarule_cli::data::{CsvOptions, Source, Target, TargetColumn, TaskChoice, load, read_npy};

use crate::{refusal, write};

/// An NPY file of version 1.
pub(crate) fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

/// Every kind of element in both orders of its bytes: the second number of each shows its length, its order and its sign.
#[test]
fn npy_element_types() {
    fn bytes<T, const N: usize>(numbers: [T; 2], little_endian: fn(T) -> [u8; N]) -> [Vec<u8>; 2] {
        numbers.map(|number| little_endian(number).to_vec())
    }
    let cases = [
        ("b1", bytes([1, 0], u8::to_le_bytes), [1.0, 0.0]),
        ("u1", bytes([1, 254], u8::to_le_bytes), [1.0, 254.0]),
        ("i1", bytes([1, -2], i8::to_le_bytes), [1.0, -2.0]),
        ("u2", bytes([1, 0xfe01], u16::to_le_bytes), [1.0, 65_025.0]),
        ("i2", bytes([1, -300], i16::to_le_bytes), [1.0, -300.0]),
        ("u4", bytes([1, 0xfe00_0001], u32::to_le_bytes), [1.0, 4_261_412_865.0]),
        ("i4", bytes([1, -70_000], i32::to_le_bytes), [1.0, -70_000.0]),
        ("u8", bytes([1, (1_u64 << 63) + 4096], u64::to_le_bytes), [1.0, 9_223_372_036_854_779_904.0]),
        ("i8", bytes([1, -(1_i64 << 40) - 3], i64::to_le_bytes), [1.0, -1_099_511_627_779.0]),
        ("f4", bytes([1.0, -2.5], f32::to_le_bytes), [1.0, -2.5]),
        ("f8", bytes([1.0, -0.1], f64::to_le_bytes), [1.0, -0.1]),
    ];
    for (kind, little_endian, expected) in cases {
        let big_endian: [Vec<u8>; 2] = little_endian.clone().map(|element| element.into_iter().rev().collect());
        let orders = match little_endian[0].len() {
            1 => vec![("|", &little_endian), ("<", &little_endian), (">", &big_endian)],
            _ => vec![("<", &little_endian), (">", &big_endian)],
        };
        for (order, elements) in orders {
            let header = format!("{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': (2,), }}\n");
            let array = read_npy("n", npy(&header, &elements.concat()).as_slice()).expect("sound");
            assert_eq!(array.values, expected, "{order}{kind}");
            assert_eq!(array.rounded, None, "{order}{kind}");
        }
    }
}

#[test]
fn npy_fortran_order_is_turned() {
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n";
    let array = read_npy("n", npy(header, &[1, 4, 2, 5, 3, 6]).as_slice()).expect("sound");
    assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let nothing = "{'descr': '|u1', 'fortran_order': True, 'shape': (4611686018427387904, 0), }\n";
    assert!(read_npy("n", npy(nothing, &[]).as_slice()).expect("sound").values.is_empty(), "however many rows");
}

#[test]
fn npy_faults() {
    let header =
        |kind: &str, shape: &str| format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let good = npy(&header("|u1", "(2, 2)"), &[1, 2, 3, 4]);
    for end in 0..good.len() {
        assert!(refusal(read_npy("n", &good[..end])).starts_with("n, byte "), "cut at {end}");
    }
    let cases = [
        (npy(&header("|u1", "(2, 2)"), &[0; 5]), "goes on after"),
        (npy(&header("|O", "(2,)"), &[0; 2]), "elements of type '|O'"),
        (npy(&header("<c8", "(2,)"), &[0; 16]), "elements of type '<c8'"),
        (npy(&header("<f8", "(4294967296, 4294967296)"), &[]), "overflows"),
        (npy(&header("<f8", "(2305843009213693951,)"), &[]), "ends before"),
        (npy(&header("<f8", "(-1,)"), &[]), "no readable 'shape'"),
        (npy("{}", &[]), "no readable 'descr'"),
        (npy(&header("<f4", "(1,)"), &f32::NAN.to_le_bytes()), "row 1, column 1 is NaN"),
        (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "format version 9"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "not believable"),
    ];
    for (bytes, expected) in cases {
        let message = refusal(read_npy("n", bytes.as_slice()));
        assert!(message.contains(expected), "{message}\n  lacks {expected}");
    }
}

#[test]
fn npy_pairs_must_agree() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [x, y] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write(&x, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2), }", &[1, 2, 3, 4, 5, 6]));
    write(&y, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[0, 1]));
    let text = format!("{},{}", x.display(), y.display());
    let pair = Source::parse(&text).expect("a pair");
    assert!(refusal(load(&pair, &CsvOptions::default())).contains("has 3 rows: one target a row"));
    let alone = Source::parse(x.to_str().expect("a UTF-8 path")).expect("a file");
    assert!(refusal(load(&alone, &CsvOptions::default())).contains("give both files"));
    let predicting = CsvOptions { target: TargetColumn::Absent, task: TaskChoice::Auto, ..CsvOptions::default() };
    assert_eq!(load(&alone, &predicting).expect("sound").target, Target::Absent);
}

/// Neighbours beyond 2⁵³ are one `f64`, and −0 is 0.
#[test]
fn npy_labels_are_told_apart() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [x, y] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write(&x, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1), }", &[1, 2, 3, 4]));
    let read = |kind: &str, labels: [[u8; 8]; 4], task| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (4,), }}");
        write(&y, &npy(&header, &labels.concat()));
        let pair = Source::parse(&format!("{},{}", x.display(), y.display())).expect("a pair");
        load(&pair, &CsvOptions { task, ..CsvOptions::default() })
    };
    let classes = TaskChoice::Classification;
    let large = 1_i64 << 53;
    for (kind, labels) in [
        ("<i8", [1, large, large + 1, large].map(i64::to_le_bytes)),
        (">i8", [1, large, -large - 1, large].map(i64::to_be_bytes)),
        ("<u8", [1, 1 << 63, u64::MAX, u64::MAX - 1].map(u64::to_le_bytes)),
    ] {
        let message = refusal(read(kind, labels, classes));
        assert!(message.contains("y.npy: row 3: the label is beyond 2⁵³"), "{message}");
        assert!(matches!(read(kind, labels, TaskChoice::Auto).expect("numbers").target, Target::Values(_)), "{kind}");
    }
    let exact = read("<i8", [1, large, large + 2, large].map(i64::to_le_bytes), classes).expect("sound");
    assert_eq!(exact.class_names(), ["1", "9007199254740992", "9007199254740994"]);
    let zeros = [-0.0, 1.0, 0.0, 1.0_f64].map(f64::to_le_bytes);
    let Target::Classes { labels, names } = read("<f8", zeros, classes).expect("sound").target else {
        panic!("classes")
    };
    assert_eq!((labels, names), (vec![0, 1, 0, 1], ["0", "1"].map(String::from).to_vec()));
    let known = CsvOptions {
        task: classes,
        is_for_model: true,
        known_classes: ["0", "1"].map(String::from).to_vec(),
        ..CsvOptions::default()
    };
    let pair = Source::parse(&format!("{},{}", x.display(), y.display())).expect("a pair");
    assert!(load(&pair, &known).is_ok(), "−0 is the class 0 of a model too");
}
