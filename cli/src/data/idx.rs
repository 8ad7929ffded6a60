//! IDX, the format of MNIST and its kin: two zero bytes, a type, the number of dimensions, each dimension as a
//! big-endian `u32`, then the elements. Only bytes (type 8) are read: that is what the image sets hold.
//!
//! The header is not trusted: dimensions are multiplied with overflow checks, and the elements are read as they come, so
//! a header that promises terabytes costs nothing but its own message.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{DataError, Dataset, Features, Places, Target, elements};

/// More dimensions than any data set has.
const MOST_DIMENSIONS: u8 = 8;

/// An array of bytes with its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxArray {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Elements, the last dimension running fastest.
    pub bytes: Vec<u8>,
}

/// Reads one IDX file. `name` is used in messages.
pub fn read_idx(name: &str, source: impl Read) -> Result<IdxArray, DataError> {
    let mut source = source;
    let magic: [u8; 4] = header_bytes(name, &mut source, 0)?;
    let [0, 0, kind, dimensions] = magic else {
        let what = format!("not an IDX file: it begins with {magic:02x?}, not with two zero bytes");
        return Err(fault(name, 0, what));
    };
    if kind != 8 {
        return Err(fault(name, 2, format!("element type 0x{kind:02x} is not read; only bytes (0x08) are")));
    }
    if dimensions == 0 || dimensions > MOST_DIMENSIONS {
        return Err(fault(name, 3, format!("{dimensions} dimensions; 1 to {MOST_DIMENSIONS} are read")));
    }
    let mut shape = Vec::with_capacity(usize::from(dimensions));
    for dimension in 0..u64::from(dimensions) {
        let length = u32::from_be_bytes(header_bytes(name, &mut source, 4 + 4 * dimension)?);
        shape.push(length as usize);
    }
    let start = 4 + 4 * u64::from(dimensions);
    let Some(promised) = elements(&shape) else {
        return Err(fault(name, 4, format!("the shape {shape:?} overflows")));
    };
    let mut bytes = Vec::new();
    // One more than promised, to notice a longer file.
    source
        .take((promised as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, start, &error))?;
    match bytes.len() {
        found if found < promised => Err(fault(
            name,
            start + found as u64,
            format!("the file ends after {found} elements, but its header promises {shape:?}, which is {promised}"),
        )),
        found if found > promised => {
            Err(fault(name, start + promised as u64, "the file goes on after the elements its header promises"))
        }
        _ => Ok(IdxArray { shape, bytes }),
    }
}

/// A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and, if it has a test part, `t10k-…`; each may end
/// in `.gz`, and `.idx3-ubyte` is accepted for `-idx3-ubyte`.
pub(super) fn load_folder(name: &str, folder: &Path) -> Result<Dataset, DataError> {
    let (mut images, mut labels) = read_pair(folder, "train")?;
    let trained = images.shape[0];
    let mut official_test: Option<Range<usize>> = None;
    if find(folder, "t10k-images", 3).is_some() {
        let (test_images, test_labels) = read_pair(folder, "t10k")?;
        if test_images.shape[1..] != images.shape[1..] {
            let what =
                format!("training images are {:?}, test images {:?}", &images.shape[1..], &test_images.shape[1..]);
            return Err(DataError::whole(name, what));
        }
        official_test = Some(trained..trained + test_images.shape[0]);
        images.bytes.extend_from_slice(&test_images.bytes);
        labels.extend_from_slice(&test_labels);
    }
    // Without images, they may be of any size.
    let columns = elements(&images.shape[1..]).unwrap_or(0);
    if labels.is_empty() || columns == 0 {
        return Err(DataError::whole(name, "there are no images"));
    }
    let classes = labels.iter().map(|&label| usize::from(label) + 1).max().unwrap_or(0);
    if classes < 2 {
        return Err(DataError::whole(name, "every image has label 0, so there is nothing to learn"));
    }
    Ok(Dataset {
        name: name.to_string(),
        rows: labels.len(),
        columns,
        feature_names: Vec::new(),
        target_name: "label".to_string(),
        features: Features::Bytes(images.bytes),
        target: Target::Classes {
            labels: labels.into_iter().map(u32::from).collect(),
            names: (0..classes).map(|class| class.to_string()).collect(),
        },
        official_test,
        places: Places::default(),
        built_in: false,
    })
}

/// The images and labels of one part, their counts agreeing.
fn read_pair(folder: &Path, part: &str) -> Result<(IdxArray, Vec<u8>), DataError> {
    let images = open_idx(folder, &format!("{part}-images"), 3)?;
    let labels = open_idx(folder, &format!("{part}-labels"), 1)?;
    let (image_file, images) = images;
    let (label_file, labels) = labels;
    if images.shape.len() < 2 {
        return Err(fault(&image_file, 3, "one dimension only: these are labels, not images"));
    }
    if labels.shape.len() != 1 {
        return Err(fault(&label_file, 3, format!("{} dimensions: labels have one", labels.shape.len())));
    }
    if images.shape[0] != labels.shape[0] {
        let what = format!("holds {} labels, but {image_file} holds {} images", labels.shape[0], images.shape[0]);
        return Err(fault(&label_file, 4, what));
    }
    Ok((images, labels.bytes))
}

fn open_idx(folder: &Path, stem: &str, dimensions: u8) -> Result<(String, IdxArray), DataError> {
    let Some(path) = find(folder, stem, dimensions) else {
        let what = format!("there is no {stem}-idx{dimensions}-ubyte (or .gz) in this folder");
        return Err(DataError::whole(folder.display().to_string(), what));
    };
    let name = path.display().to_string();
    let file = File::open(&path).map_err(|source| DataError::Io { path: path.clone(), source })?;
    let array = if path.extension().is_some_and(|extension| extension == "gz") {
        read_idx(&name, MultiGzDecoder::new(file))?
    } else {
        read_idx(&name, file)?
    };
    Ok((name, array))
}

fn find(folder: &Path, stem: &str, dimensions: u8) -> Option<PathBuf> {
    ["-", "."]
        .iter()
        .flat_map(|joint| ["", ".gz"].map(|end| folder.join(format!("{stem}{joint}idx{dimensions}-ubyte{end}"))))
        .find(|path| path.is_file())
}

fn header_bytes(name: &str, source: &mut impl Read, offset: u64) -> Result<[u8; 4], DataError> {
    let mut bytes = [0; 4];
    source.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => fault(name, offset, "the file ends inside its header"),
        _ => unreadable(name, offset, &error),
    })?;
    Ok(bytes)
}

fn fault(file: &str, offset: u64, what: impl Into<String>) -> DataError {
    DataError::Binary { file: file.to_string(), offset, what: what.into() }
}

fn unreadable(file: &str, offset: u64, error: &std::io::Error) -> DataError {
    fault(file, offset, format!("cannot be read on from here: {error}"))
}
