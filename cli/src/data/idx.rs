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

use super::{DataError, Dataset, Features, Kept, Places, Target, elements};

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
/// in `.gz`, and `.idx3-ubyte` is accepted for `-idx3-ubyte`. Where nobody wants labels they are not looked for.
pub(super) fn load_folder(name: &str, folder: &Path, wants_labels: bool) -> Result<Dataset, DataError> {
    let (mut images, mut labels) = read_part(folder, "train", wants_labels)?;
    let trained = images.shape[0];
    let mut official_test: Option<Range<usize>> = None;
    if find(folder, "t10k-images", 3).is_some() {
        let (test_images, test_labels) = read_part(folder, "t10k", wants_labels)?;
        let is_empty = test_images.shape[0] == 0;
        if !is_empty && test_images.shape[1..] != images.shape[1..] {
            let what =
                format!("training images are {:?}, test images {:?}", &images.shape[1..], &test_images.shape[1..]);
            return Err(DataError::whole(name, what));
        }
        // An empty one is none.
        official_test = (!is_empty).then_some(trained..trained + test_images.shape[0]);
        images.shape[0] += test_images.shape[0];
        images.bytes.extend_from_slice(&test_images.bytes);
        labels.extend_from_slice(&test_labels);
    }
    let target = if wants_labels { classes(labels) } else { Target::Absent };
    Ok(Dataset { official_test, target, target_name: "label".to_string(), ..of_images(name, images)? })
}

/// Images alone, to predict on: one file of any name.
pub(super) fn load_images(path: &Path) -> Result<Dataset, DataError> {
    let name = path.display().to_string();
    let images = open_images(path)?;
    of_images(&name, images)
}

/// Images as rows, without a target.
fn of_images(name: &str, images: IdxArray) -> Result<Dataset, DataError> {
    let rows = images.shape[0];
    // Without images, they may be of any size.
    let columns = elements(&images.shape[1..]).unwrap_or(0);
    if rows == 0 || columns == 0 {
        return Err(DataError::whole(name, "there are no images"));
    }
    Ok(Dataset {
        name: name.to_string(),
        rows,
        columns,
        feature_names: Vec::new(),
        target_name: String::new(),
        features: Features::Bytes(images.bytes),
        target: Target::Absent,
        official_test: None,
        kept: Kept::default(),
        places: Places::default(),
        built_in: false,
    })
}

/// Labels count classes from 0, whether each of them occurs or not.
fn classes(labels: Vec<u8>) -> Target {
    let largest = labels.iter().copied().max().unwrap_or(0);
    Target::Classes {
        labels: labels.into_iter().map(u32::from).collect(),
        names: (0..=largest).map(|class| class.to_string()).collect(),
    }
}

/// The images of one part and, where they are wanted, as many labels; else none.
fn read_part(folder: &Path, part: &str, wants_labels: bool) -> Result<(IdxArray, Vec<u8>), DataError> {
    let image_path = must_find(folder, &format!("{part}-images"), 3)?;
    if !wants_labels {
        return Ok((open_images(&image_path)?, Vec::new()));
    }
    let label_path = must_find(folder, &format!("{part}-labels"), 1)?;
    let (images, labels) = (open_images(&image_path)?, open_idx(&label_path)?);
    let label_file = label_path.display().to_string();
    if labels.shape.len() != 1 {
        return Err(fault(&label_file, 3, format!("{} dimensions: labels have one", labels.shape.len())));
    }
    if images.shape[0] != labels.shape[0] {
        let (labels, images, image_file) = (labels.shape[0], images.shape[0], image_path.display());
        return Err(fault(&label_file, 4, format!("holds {labels} labels, but {image_file} holds {images} images")));
    }
    Ok((images, labels.bytes))
}

fn open_images(path: &Path) -> Result<IdxArray, DataError> {
    let images = open_idx(path)?;
    match images.shape.len() {
        1 => Err(fault(&path.display().to_string(), 3, "one dimension only: these are labels, not images")),
        _ => Ok(images),
    }
}

fn open_idx(path: &Path) -> Result<IdxArray, DataError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| DataError::Io { path: path.into(), source })?;
    match path.extension().is_some_and(|extension| extension == "gz") {
        true => read_idx(&name, MultiGzDecoder::new(file)),
        false => read_idx(&name, file),
    }
}

/// Whether a file is one of IDX, by its name.
pub(super) fn is_named_as_idx(path: &str) -> bool {
    path.strip_suffix(".gz").unwrap_or(path).ends_with("-ubyte")
}

fn must_find(folder: &Path, stem: &str, dimensions: u8) -> Result<PathBuf, DataError> {
    find(folder, stem, dimensions).ok_or_else(|| {
        let what = format!("there is no {stem}-idx{dimensions}-ubyte (or .gz) in this folder");
        DataError::whole(folder.display().to_string(), what)
    })
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
