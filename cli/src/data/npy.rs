//! NumPy's `.npy`: a magic string, a version, the length of a header, and the header, which is a Python dictionary such as
//! `{'descr': '<f8', 'fortran_order': False, 'shape': (150, 4), }`. Elements follow.
//!
//! Read by hand rather than through a crate, because every byte of the header is a claim to be checked: the dictionary is
//! limited in length, the shape is multiplied with overflow checks, and elements are read as they come.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::target::{RawTarget, Unfit, interpret};
use super::{DataError, Dataset, Features, Kept, Places, Target, TaskChoice, elements};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own headers are a few hundred bytes long.
const LONGEST_HEADER: u32 = 64 * 1024;

/// An array of numbers with its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyArray {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Elements, the last dimension running fastest.
    pub values: Vec<f64>,
    /// The place in the file of the first whole number of 64 bits that its `f64` rounds, counted from 0, if there is one.
    pub rounded: Option<usize>,
}

/// How one element is stored.
#[derive(Clone, Copy)]
struct Element {
    size: usize,
    big_endian: bool,
    to_f64: fn([u8; 8]) -> f64,
    /// Of whole numbers of 64 bits, which not every `f64` holds: the number itself.
    to_whole: Option<fn([u8; 8]) -> i128>,
}

/// What the header says.
struct Header {
    element: Element,
    fortran_order: bool,
    shape: Vec<usize>,
    /// Where the elements start.
    end: u64,
}

/// Reads one array. `name` is used in messages.
pub fn read_npy(name: &str, source: impl Read) -> Result<NpyArray, DataError> {
    let mut source = source;
    let header = read_header(name, &mut source)?;
    let size = header.element.size;
    let count = elements(&header.shape);
    let Some((count, promised)) = count.and_then(|count| Some((count, count.checked_mul(size)?))) else {
        return Err(fault(name, header.end, format!("the shape {:?} overflows", header.shape)));
    };
    if header.fortran_order && header.shape.len() > 2 {
        let what = "more than two dimensions in Fortran order are not read; save with np.ascontiguousarray(x)";
        return Err(fault(name, header.end, what));
    }
    let mut bytes = Vec::new();
    // One more than promised, to notice a longer file.
    let limit = (promised as u64).saturating_add(1);
    source.take(limit).read_to_end(&mut bytes).map_err(|error| fault(name, header.end, error.to_string()))?;
    if bytes.len() != promised {
        let relation = if bytes.len() < promised { "ends before" } else { "goes on after" };
        let what = format!("the file {relation} the {count} elements of {size} bytes that its header promises");
        return Err(fault(name, header.end + bytes.len().min(promised) as u64, what));
    }
    let mut values: Vec<f64> = bytes.chunks_exact(size).map(|chunk| header.element.decode(chunk)).collect();
    let rounded = bytes.chunks_exact(size).zip(&values).position(|(chunk, &value)| header.element.rounds(chunk, value));
    if header.fortran_order && header.shape.len() == 2 && !values.is_empty() {
        values = row_major(&values, header.shape[0], header.shape[1]);
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let width = header.shape.iter().skip(1).product::<usize>().max(1);
        let what = format!(
            "row {}, column {} is {}; only finite numbers can be learnt from",
            index / width + 1,
            index % width + 1,
            values[index]
        );
        return Err(DataError::whole(name, what));
    }
    Ok(NpyArray { shape: header.shape, values, rounded })
}

/// A pair of files, features and targets; without targets, data to predict on.
pub(super) fn load_pair(x: &Path, y: Option<&Path>, task: TaskChoice, known: &[String]) -> Result<Dataset, DataError> {
    let name = x.display().to_string();
    let features = open_npy(x)?;
    if features.shape.len() < 2 {
        let what = format!("features need two dimensions (rows, columns), but the shape is {:?}", features.shape);
        return Err(DataError::whole(&name, what));
    }
    // Without rows, columns may be any number.
    let columns = elements(&features.shape[1..]).unwrap_or(0);
    let rows = features.shape[0];
    if rows == 0 || columns == 0 {
        return Err(DataError::whole(&name, format!("the shape {:?} holds nothing", features.shape)));
    }
    let target = match y {
        None => Target::Absent,
        Some(y) => {
            let target = open_npy(y)?;
            let label = y.display().to_string();
            if target.values.len() != rows || target.shape.first() != Some(&rows) {
                let what =
                    format!("the shape is {:?}, but {name} has {rows} rows: one target a row is needed", target.shape);
                return Err(DataError::whole(label, what));
            }
            // Two labels could be one number. Numbers to be learnt lose nothing that a net could tell.
            if let Some(row) = target.rounded.filter(|_| task == TaskChoice::Classification) {
                let advice = "number the classes: np.unique(y, return_inverse=True)[1]";
                let what = format!("row {}: the label is beyond 2⁵³, where f64 merges neighbours; {advice}", row + 1);
                return Err(DataError::whole(label, what));
            }
            interpret(RawTarget::Numbers(target.values), task, known).map_err(|Unfit { row, what }| {
                let place = row.map(|row| format!("row {}: ", row + 1)).unwrap_or_default();
                DataError::whole(label, format!("{place}{what}"))
            })?
        }
    };
    Ok(Dataset {
        name,
        rows,
        columns,
        feature_names: Vec::new(),
        target_name: String::new(),
        features: Features::Floats(features.values),
        target,
        official_test: None,
        kept: Kept::default(),
        places: Places::default(),
        built_in: false,
    })
}

fn open_npy(path: &Path) -> Result<NpyArray, DataError> {
    let file = File::open(path).map_err(|source| DataError::Io { path: path.into(), source })?;
    read_npy(&path.display().to_string(), BufReader::new(file))
}

fn row_major(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut turned = Vec::with_capacity(values.len());
    for row in 0..rows {
        turned.extend((0..columns).map(|column| values[column * rows + row]));
    }
    turned
}

fn read_header(name: &str, source: &mut impl Read) -> Result<Header, DataError> {
    let magic: [u8; 8] = exact(name, source, 0)?;
    if !magic.starts_with(MAGIC) {
        return Err(fault(name, 0, "not a .npy file: the magic string is missing"));
    }
    let (length, start) = match magic[6] {
        1 => (u32::from(u16::from_le_bytes(exact(name, source, 8)?)), 10),
        2 | 3 => (u32::from_le_bytes(exact(name, source, 8)?), 12),
        version => return Err(fault(name, 6, format!("format version {version} is not known"))),
    };
    if length > LONGEST_HEADER {
        return Err(fault(name, 8, format!("a header of {length} bytes is not believable")));
    }
    let mut text = Vec::new();
    source.take(u64::from(length)).read_to_end(&mut text).map_err(|error| fault(name, start, error.to_string()))?;
    if text.len() != length as usize {
        return Err(fault(name, start + text.len() as u64, "the file ends inside its header"));
    }
    let text = String::from_utf8_lossy(&text);
    let missing = |key: &str| fault(name, start, format!("the header has no readable {key}: {}", text.trim_end()));
    let described =
        quoted(entry(&text, "descr").ok_or_else(|| missing("'descr'"))?).ok_or_else(|| missing("'descr'"))?;
    let Some(element) = Element::parse(described) else {
        let what = format!("elements of type '{described}' are not read; convert with x.astype('float32')");
        return Err(fault(name, start, what));
    };
    let order = entry(&text, "fortran_order").ok_or_else(|| missing("'fortran_order'"))?;
    let fortran_order = match order {
        order if order.starts_with("True") => true,
        order if order.starts_with("False") => false,
        _ => return Err(missing("'fortran_order'")),
    };
    let shape = entry(&text, "shape").and_then(tuple).ok_or_else(|| missing("'shape'"))?;
    Ok(Header { element, fortran_order, shape, end: start + u64::from(length) })
}

/// The text after `'key':`.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{key}'"))?;
    header[at + key.len() + 2..].trim_start().strip_prefix(':').map(str::trim_start)
}

fn quoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('\'')?;
    inner.find('\'').map(|end| &inner[..end])
}

fn tuple(text: &str) -> Option<Vec<usize>> {
    let inner = text.strip_prefix('(')?;
    let inner = &inner[..inner.find(')')?];
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().ok()).collect()
}

impl Element {
    fn parse(described: &str) -> Option<Self> {
        let (order, kind) = described.split_at_checked(1)?;
        let big_endian = match order {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return None,
        };
        let (size, to_f64): (usize, fn([u8; 8]) -> f64) = match kind {
            "f4" => (4, |b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            "f8" => (8, f64::from_le_bytes),
            "u1" | "b1" => (1, |b| f64::from(b[0])),
            "i1" => (1, |b| f64::from(b[0] as i8)),
            "u2" => (2, |b| f64::from(u16::from_le_bytes([b[0], b[1]]))),
            "i2" => (2, |b| f64::from(i16::from_le_bytes([b[0], b[1]]))),
            "u4" => (4, |b| f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            "i4" => (4, |b| f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            "u8" => (8, |b| u64::from_le_bytes(b) as f64),
            "i8" => (8, |b| i64::from_le_bytes(b) as f64),
            _ => return None,
        };
        let to_whole: Option<fn([u8; 8]) -> i128> = match kind {
            "u8" => Some(|b| i128::from(u64::from_le_bytes(b))),
            "i8" => Some(|b| i128::from(i64::from_le_bytes(b))),
            _ => None,
        };
        Some(Self { size, big_endian, to_f64, to_whole })
    }

    fn decode(self, chunk: &[u8]) -> f64 {
        (self.to_f64)(self.little_endian(chunk))
    }

    /// Whether `value`, which [`decode`](Self::decode) made of the element, is not quite that.
    fn rounds(self, chunk: &[u8], value: f64) -> bool {
        self.to_whole.is_some_and(|to_whole| to_whole(self.little_endian(chunk)) != value as i128)
    }

    fn little_endian(self, chunk: &[u8]) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..self.size].copy_from_slice(chunk);
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        bytes
    }
}

fn exact<const N: usize>(name: &str, source: &mut impl Read, offset: u64) -> Result<[u8; N], DataError> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => fault(name, offset, "the file ends inside its header"),
        _ => fault(name, offset, error.to_string()),
    })?;
    Ok(bytes)
}

fn fault(file: &str, offset: u64, what: impl Into<String>) -> DataError {
    DataError::Binary { file: file.to_string(), offset, what: what.into() }
}
