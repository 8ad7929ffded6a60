//! Model files: PyTorch's names and layout, read by the reference implementation; every kind of damage a typed error; a
//! save that fails leaves what was there.

use crate::saved::{Folder, model, problem, read, with_header};
use deltarule::{Activation, Dataset, FileError, LoadOptions, Loss, Mlp, Output, Plan, Scratch, Trainer, file};
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::ops::ControlFlow;

#[test]
fn a_model_comes_back_whole() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    let data = Dataset::with_classes(vec![0.1, 5.0, -0.7, 1e-3, 2.0, 9.0], 2, vec![0, 1, 2], 3).expect("good data");
    let mut trainer = Trainer::new(model(), Plan::new(Loss::CrossEntropy).epochs(3)).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let model = trainer.into_model();
    model.save(&path).expect("saved");
    let back = Mlp::<f32>::load(&path).expect("loaded");
    assert_eq!(back.about(), model.about(), "standardisation to the bit, names, seed, loss");
    assert_eq!((back.widths(), back.hidden(), back.output()), (model.widths(), model.hidden(), model.output()));
    assert_eq!(back.to_bytes(), model.to_bytes());
    let x = [0.3, 4.0];
    let (mut one, mut two) = (Scratch::new(), Scratch::new());
    assert_eq!(model.predict(&x, &mut one).expect("a row"), back.predict(&x, &mut two).expect("a row"));
    assert_eq!(file::element_type(&path).expect("a model"), "F32");
    assert_eq!(folder.names(), ["model.safetensors"], "nothing is left beside it");
}

#[test]
fn the_reference_implementation_reads_it_by_name() {
    let model = model();
    let bytes = model.to_bytes();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("valid safetensors");
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(names, ["0.bias", "0.weight", "2.bias", "2.weight"]);
    let weight = tensors.tensor("2.weight").expect("the tensor");
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F32, &[3, 4][..]));
    let expected: Vec<u8> = model.layers()[1].weights().iter().flat_map(|w| w.to_le_bytes()).collect();
    assert_eq!(weight.data(), expected, "outputs × inputs, row by row, as nn.Linear has it");
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("valid metadata");
    let metadata = metadata.metadata().as_ref().expect("metadata");
    assert_eq!(metadata["format"], "pt");
    assert!(metadata["deltarule"].contains("\"classes\":[\"naïve\""));
}

/// Name, shape and type of a tensor.
type Described = (&'static str, &'static [usize], Dtype);

/// A file as PyTorch and the reference implementation would write it.
fn foreign(tensors: &[Described]) -> Vec<u8> {
    let data: Vec<u8> = (0..4096u32).flat_map(|i| (i as f32 / 64.0).to_le_bytes()).collect();
    let size = |dtype| match dtype {
        Dtype::F64 | Dtype::I64 => 8,
        Dtype::F16 => 2,
        _ => 4,
    };
    let views = tensors.iter().map(|&(name, shape, dtype)| {
        let bytes = shape.iter().product::<usize>() * size(dtype);
        (name, TensorView::new(dtype, shape.to_vec(), &data[..bytes]).expect("a view"))
    });
    safetensors::serialize(views, None).expect("a file")
}

const PLAIN: [Described; 4] = [
    ("0.weight", &[4, 2], Dtype::F32),
    ("0.bias", &[4], Dtype::F32),
    ("3.weight", &[1, 4], Dtype::F32),
    ("3.bias", &[1], Dtype::F32),
];

fn options() -> LoadOptions {
    LoadOptions::new().hidden(Activation::Tanh).output(Output::Sigmoid)
}

#[test]
fn a_plain_pytorch_file_is_read() {
    let model =
        Mlp::<f32>::from_bytes(&foreign(&PLAIN), &options()).expect("a plain file, with any gaps in the numbers");
    assert_eq!(model.widths(), [2, 4, 1]);
    assert_eq!((model.hidden(), model.output()), (Activation::Tanh, Output::Sigmoid));
    assert_eq!(model.layers()[0].weights()[3], 3.0 / 64.0);
    assert!(matches!(problem(read(&foreign(&PLAIN))), FileError::NoActivations), "its activations must be given");
    let single = Mlp::<f32>::from_bytes(&foreign(&PLAIN[..2]), &LoadOptions::new().output(Output::Linear));
    assert_eq!(single.expect("one layer needs no hidden activation").widths(), [2, 4]);
}

#[test]
fn tensors_that_do_not_belong() {
    let load = |change: &dyn Fn(&mut Vec<Described>)| {
        let mut tensors = PLAIN.to_vec();
        change(&mut tensors);
        problem(Mlp::<f32>::from_bytes(&foreign(&tensors), &options()))
    };
    let missing = load(&|t| t.retain(|t| t.0 != "0.bias"));
    assert!(matches!(&missing, FileError::Missing(name) if name == "0.bias"), "{missing}");
    let extra = load(&|t| t.push(("5.running_mean", &[4], Dtype::F32)));
    assert!(matches!(&extra, FileError::Extra(name) if name == "5.running_mean"), "{extra}");
    let dtype = load(&|t| t[2].2 = Dtype::F64);
    assert!(matches!(&dtype, FileError::Dtype { tensor, expected: "F32", .. } if tensor == "3.weight"), "{dtype}");
    let half = load(&|t| t[0].2 = Dtype::F16);
    assert!(matches!(half, FileError::Dtype { .. }), "{half}");
    assert!(half.to_string().ends_with("not F32; models are of float32 or float64: convert it to one of them first"));
    assert!(dtype.to_string().ends_with("not F32; load it into a model of its own type"), "{dtype}");
    let shape = load(&|t| t[2].1 = &[1, 5]);
    assert!(matches!(&shape, FileError::Shape { expected, found, .. } if *expected == [1, 4] && *found == [1, 5]));
    let bias = load(&|t| t[1].1 = &[5]);
    assert!(matches!(bias, FileError::Shape { .. }), "{bias}");
    let flat = load(&|t| t[0].1 = &[8]);
    assert!(matches!(flat, FileError::Entry { .. }), "{flat}");
    let none = load(&|t| t.clear());
    assert!(matches!(none, FileError::Missing(_)), "{none}");
}

/// What PyTorch saves of nets that are no `nn.Sequential`, or have layers without bias, is refused with what to do about it.
#[test]
fn names_and_biases_of_other_nets() {
    let load = |change: &dyn Fn(&mut Described)| {
        let mut tensors = PLAIN;
        tensors.iter_mut().for_each(change);
        problem(Mlp::<f32>::from_bytes(&foreign(&tensors), &options()))
    };
    for other in ["fc1.weight", "net.0.weight", "0.0.weight", "weight", "_orig_mod.0.weight"] {
        let refused = load(&|t| {
            if t.0 == "0.weight" {
                t.0 = other;
            }
        });
        assert!(matches!(&refused, FileError::Name(name) if name == other), "{refused}");
        let advice =
            "2.weight and 2.bias, …, as nn.Sequential names them; rename the tensors so, in the order of the layers";
        assert!(refused.to_string().ends_with(advice), "{refused}");
    }
    let mut with_another = PLAIN.to_vec();
    with_another.push(("epoch", &[1], Dtype::F32));
    let refused = problem(Mlp::<f32>::from_bytes(&foreign(&with_another), &options()));
    assert!(matches!(&refused, FileError::Extra(name) if name == "epoch"), "{refused}: it needs no other name");
    let without = [PLAIN[0], PLAIN[2], PLAIN[3]];
    let refused = problem(Mlp::<f32>::from_bytes(&foreign(&without), &options()));
    let expected = "tensor 0.bias is missing; a layer that was made without a bias (bias=False) needs one of zeros";
    assert_eq!(refused.to_string(), expected);
    let no_weight = problem(Mlp::<f32>::from_bytes(&foreign(&[]), &options()));
    assert_eq!(no_weight.to_string(), "tensor 0.weight is missing");
}

/// A net with BatchNorm counts its batches in whole numbers. What it cannot be read for is its layer, not their type.
#[test]
fn layers_of_other_kinds() {
    let folder = Folder::new();
    let path = folder.join("norm");
    let mut tensors = PLAIN.to_vec();
    tensors.extend(["1.weight", "1.bias", "1.running_mean"].map(|name| (name, &[4][..], Dtype::F32)));
    tensors.push(("1.num_batches_tracked", &[], Dtype::I64));
    fs::write(&path, foreign(&tensors)).expect("a file");
    assert_eq!(file::element_type(&path).expect("its weights have one"), "F32");
    let refused = problem(Mlp::<f32>::load_with(&path, &options())).to_string();
    let expected = "tensor 1.num_batches_tracked does not belong to this model; it is of a layer of another kind, such as \
                    BatchNorm, and only linear layers can be represented";
    assert_eq!(refused, expected);
    // Without its counts, such as LayerNorm.
    tensors.truncate(6);
    let refused = problem(Mlp::<f32>::from_bytes(&foreign(&tensors), &options())).to_string();
    assert!(refused.starts_with("header entry \"1.weight\": the weights of a linear layer"), "{refused}");
    fs::write(&path, foreign(&[("epoch", &[1], Dtype::I64)])).expect("a file");
    let refused = problem(file::element_type(&path));
    assert_eq!(refused.to_string(), "tensor epoch does not belong to this model");
}

#[test]
fn cut_short_at_every_byte() {
    let bytes = model().to_bytes();
    for len in 0..bytes.len() {
        let error = problem(read(&bytes[..len]));
        assert!(!error.to_string().is_empty(), "{len} bytes");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(problem(read(&longer)), FileError::DataLength { .. }), "something appended");
}

#[test]
fn a_flipped_byte_never_panics() {
    let bytes = model().to_bytes();
    for i in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[i] ^= flip;
            let _ = read(&damaged);
        }
    }
}

#[test]
fn lengths_that_lie() {
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    let entry = |shape: &str, start: u64, end: u64| {
        format!("{{\"0.weight\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}}}")
    };
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend_from_slice(b"{}");
    assert!(matches!(problem(read(&huge)), FileError::HeaderLength { declared: u64::MAX, .. }));
    for header in [
        entry("[1,1]", 0, u64::MAX),
        entry("[4294967296,4294967296]", 0, 4),
        entry("[18446744073709551615]", 0, 4),
        entry("[1,1]", 4, 0),
        entry("[1,1]", 4, 8),
        entry("[1,2]", 0, 4),
        entry("[-1,1]", 0, 4),
        entry("[1.5,1]", 0, 4),
        entry("\"1\"", 0, 4),
        "{\"0.weight\":3}".into(),
        "{\"0.weight\":{\"dtype\":\"F33\",\"shape\":[1,1],\"data_offsets\":[0,4]}}".into(),
        "{\"__metadata__\":3}".into(),
        "{\"__metadata__\":{\"a\":3}}".into(),
        "{\"__metadata__\":{\"deltarule\":\"{\"}}".into(),
    ] {
        let error = problem(read(&with_header(&header, 4)));
        assert!(matches!(error, FileError::Entry { .. } | FileError::Json { .. }), "{header}: {error}");
    }
    let twice = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
    assert!(matches!(problem(read(&with_header(twice, 8))), FileError::Duplicate(name) if name == "a"));
    assert!(matches!(problem(read(&with_header("[]", 0))), FileError::Json { .. }));
    assert!(matches!(problem(read(&with_header("{}", 4))), FileError::DataLength { expected: 0, found: 4 }));
    assert!(matches!(problem(read(b"")), FileError::TooShort(0)));
}

#[test]
fn weights_that_are_no_numbers() {
    let mut bytes = model().to_bytes();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = problem(read(&bytes));
    assert!(matches!(&error, FileError::NotFinite { tensor, index: 2, .. } if tensor == "2.bias"), "{error}");
}

#[test]
fn metadata_that_lie() {
    let bytes = model().to_bytes();
    // Replaced by something of the same length, so that all offsets stay.
    let changed = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).expect(from);
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        problem(read(&changed))
    };
    assert!(matches!(changed("version\\\":1", "version\\\":2"), FileError::Version(2)));
    assert!(matches!(changed("[2,4,3]", "[2,4,4]"), FileError::Shape { .. }));
    assert!(matches!(changed("[2,4,3]", "[2,0,3]"), FileError::Shape { .. }));
    assert!(matches!(changed("[2,4,3]", "[    3]"), FileError::Metadata(_) | FileError::Extra(_)));
    assert!(matches!(changed("softmax", "softmix"), FileError::Metadata(_)));
    assert!(matches!(changed("leaky-relu(0.1)", "leaky-relu(abc)"), FileError::Metadata(_)));
    for (from, to) in [("seed", "sead"), ("inputs", "imputs"), ("targets", "tergets"), ("loss", "lass")] {
        let [from, to] = [from, to].map(|key| format!("\\\"{key}\\\""));
        assert!(matches!(changed(&from, &to), FileError::Metadata(_)), "{to}");
    }
    assert!(matches!(changed("\\\"b\\\"]", "     ]"), FileError::Json { .. } | FileError::Metadata(_)));
    assert!(matches!(changed("softmax", "linear\\"), FileError::Json { .. } | FileError::Metadata(_)));
}

/// Files of before the target's name and the share of test rows were kept say nothing of them.
#[test]
fn a_model_that_says_nothing_of_its_target_and_test_is_read() {
    let bytes = Mlp::<f32>::builder(&[2, 1]).target_name("y").test_share(0.25).build().expect("widths").to_bytes();
    let with = |from: &str, to: &str| read(&with_header(&bytes, from, to));
    let old = with(r#",\"target_name\":\"y\",\"test_share\":0.25"#, "").expect("an old file");
    assert_eq!((&old.about().target_name, old.about().test_share), (&None, None));
    for share in ["1.0", "-0.25", r#"\"NaN\""#, "[]"] {
        let refused = with(r#"\"test_share\":0.25"#, &format!(r#"\"test_share\":{share}"#));
        assert!(matches!(problem(refused), FileError::Metadata(_)), "{share}");
    }
    assert!(with(r#"\"target_name\":\"y\""#, r#"\"target_name\":3"#).is_err());
}

/// Only models that know the place of their target say so: the files of others stay as they were.
#[test]
fn a_place_of_the_target_is_kept() {
    let built = Mlp::<f32>::builder(&[2, 1]).target_column(3).build().expect("widths");
    let bytes = built.to_bytes();
    assert_eq!(read(&bytes).expect("just written").about().target_column, Some(3));
    let with = |to: &str| read(&with_header(&bytes, r#",\"target_column\":3"#, to));
    assert_eq!(with("").expect("an old file").about().target_column, None);
    assert!(with(r#",\"target_column\":-3"#).is_err());
    assert_eq!(
        with("").expect("an old file").to_bytes(),
        Mlp::<f32>::builder(&[2, 1]).build().expect("widths").to_bytes()
    );
}

/// So are the rows that a model comes from, all bits of their fingerprint, or none of it.
#[test]
fn a_provenance_is_kept() {
    let built = Mlp::<f32>::builder(&[2, 1]).provenance(60, u64::MAX).build().expect("widths");
    let bytes = built.to_bytes();
    let kept = read(&bytes).expect("just written").about().provenance.expect("it was given");
    assert_eq!((kept.rows, kept.fingerprint), (60, u64::MAX));
    let card = |to: &str| {
        let from = r#"\"provenance\":{\"rows\":60,\"fingerprint\":18446744073709551615}"#;
        read(&with_header(&bytes, from, to))
    };
    assert_eq!(card(r#"\"provenance\":null"#).expect("none").about().provenance, None);
    for wrong in
        ["60", "{}", r#"{\"rows\":60}"#, r#"{\"rows\":-1,\"fingerprint\":1}"#, r#"{\"rows\":1,\"fingerprint\":0.5}"#]
    {
        let refused = problem(card(&format!(r#"\"provenance\":{wrong}"#)));
        assert!(matches!(refused, FileError::Metadata(_)), "{wrong}");
    }
}

#[test]
fn types_must_match() {
    let error = problem(Mlp::<f64>::from_bytes(&model().to_bytes(), &LoadOptions::new()));
    assert!(matches!(error, FileError::Dtype { expected: "F64", .. }), "{error}");
    let wide: Mlp<f64> = model().cast();
    assert!(Mlp::<f64>::from_bytes(&wide.to_bytes(), &LoadOptions::new()).is_ok());
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    let folder = Folder::new();
    let old = folder.join("old");
    fs::create_dir(&old).expect("a folder");
    fs::write(old.join("inside"), b"precious").expect("a file");
    let error = model().save(&old).expect_err("a folder in the way");
    assert!(error.to_string().ends_with("it is a folder; name a file in it"), "{error}");
    assert_eq!(fs::read(old.join("inside")).expect("still there"), b"precious");
    assert_eq!(folder.names(), ["old"], "the half-made file is gone");
    assert!(model().save(folder.join("no/such/folder/model")).is_err());

    let path = folder.join("model");
    model().save(&path).expect("saved");
    let before = fs::read(&path).expect("the file");
    model().save(&path).expect("saved over");
    assert_eq!(fs::read(&path).expect("the file"), before);
}

/// A net that has learnt itself to pieces is found when it is saved, not when it is needed.
#[test]
fn weights_that_would_not_be_read_are_not_written() {
    let folder = Folder::new();
    let (path, run) = (folder.join("model"), folder.join("run"));
    let mut model = Mlp::<f32>::builder(&[2, 2]).build().expect("a model");
    let plan = Plan::new(Loss::HalfSquaredError);
    let trainer = |model: &Mlp<f32>| Trainer::new(model.clone(), plan).expect("a plan that fits");
    model.save(&path).expect("saved");
    trainer(&model).save(&run).expect("saved");
    let before = [&path, &run].map(|path| fs::read(path).expect("the file"));
    for (weights, bias, tensor, index) in
        [([1.0, 2.0, f32::NAN, 4.0], [0.0; 2], "0.weight", 2), ([1.0; 4], [0.0, f32::INFINITY], "0.bias", 1)]
    {
        model.set_layer(0, &weights, &bias).expect("lengths that fit");
        for refused in [problem(model.save(&path)), problem(trainer(&model).save(&run))] {
            let is_named = |name: &str, at: usize| (name, at) == (tensor, index);
            assert!(
                matches!(&refused, FileError::NotFinite { tensor, index, .. } if is_named(tensor, *index)),
                "{refused}"
            );
        }
    }
    assert_eq!([&path, &run].map(|path| fs::read(path).expect("the file")), before);
    assert_eq!(folder.names().len(), 2, "nothing is left beside them");
}

/// A second name of the old file shows that saving never writes into it: the new one takes its place.
#[test]
fn a_save_replaces_the_file_and_does_not_write_into_it() {
    let folder = Folder::new();
    let (path, other) = (folder.join("model"), folder.join("other name"));
    fs::write(&path, b"precious").expect("a file");
    fs::hard_link(&path, &other).expect("a second name");
    model().save(&path).expect("saved");
    assert_eq!(fs::read(&other).expect("the old file"), b"precious");
    assert_eq!(fs::read(&path).expect("the new file"), model().to_bytes());
}

/// A file that others may not read stays one, whatever new files are like here.
#[cfg(unix)]
#[test]
fn a_save_keeps_the_permissions_of_the_old_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.join("model");
    for mode in [0o600, 0o640, 0o644] {
        fs::write(&path, b"precious").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("our own file");
        model().save(&path).expect("saved");
        let kept = fs::metadata(&path).expect("the new file").permissions().mode() & 0o777;
        assert_eq!(kept, mode, "{kept:o} is not {mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let folder = Folder::new();
    let (real, link) = (folder.join("real"), folder.join("link"));
    model().save(&real).expect("saved");
    std::os::unix::fs::symlink(&real, &link).expect("a link");
    file::write_atomically(&link, b"new").expect("written");
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(fs::read(&real).expect("the file"), b"new");
}

/// A socket stands for devices too, such as `/dev/null`: a rename would put a file in the place of each.
#[cfg(unix)]
#[test]
fn only_a_regular_file_is_replaced() {
    use std::io::{ErrorKind, Write, stderr};
    let folder = Folder::new();
    let (socket, link) = (folder.join("socket"), folder.join("link"));
    let listener = match std::os::unix::net::UnixListener::bind(&socket) {
        // A socket's path has some hundred bytes, a folder's may have more.
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let _ = writeln!(stderr(), "skipped: no socket at {}: {error}", socket.display());
            return;
        }
        listener => listener.expect("a socket"),
    };
    std::os::unix::fs::symlink(&socket, &link).expect("a link");
    for path in [&socket, &link] {
        let error = model().save(path).expect_err("no regular file").to_string();
        assert!(error.contains("it is not a regular file") && error.ends_with("name a regular file"), "{error}");
    }
    assert!(!fs::symlink_metadata(&socket).expect("still there").is_file());
    assert!(fs::symlink_metadata(&link).expect("still there").is_symlink());
    assert_eq!(folder.names().len(), 2, "nothing is left beside them");
    drop(listener);
}

#[test]
fn what_is_no_file_is_an_error() {
    let folder = Folder::new();
    assert!(matches!(problem(Mlp::<f32>::load(folder.0.path())), FileError::Io(_)));
    let missing = Mlp::<f32>::load(folder.join("missing")).expect_err("there is none").to_string();
    assert!(missing.contains("missing"), "the path is named: {missing}");
}
