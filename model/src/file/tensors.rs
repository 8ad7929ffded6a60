//! The frame of a safetensors file: named tensors and metadata, to bytes and back.

use super::FileError;
use super::json::{Json, MOST_VALUES};
use crate::Element;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

/// Longer headers are refused, however long the file is.
const LONGEST_HEADER: u64 = 64 << 20;

/// The key of our own entry in `__metadata__`.
const OURS: &str = "deltarule";

/// The format's name of an element type.
pub(crate) fn dtype<T: Element>() -> &'static str {
    if size_of::<T>() == 4 { "F32" } else { "F64" }
}

/// Collects tensors of one element type.
pub(crate) struct Writer {
    header: Vec<(String, Json)>,
    data: Vec<u8>,
}

impl Writer {
    /// With `card` as our metadata.
    pub(crate) fn new(card: &Json) -> Self {
        let metadata = Json::object([("format", Json::text("pt")), (OURS, Json::text(card.to_string()))]);
        Self { header: vec![("__metadata__".to_owned(), metadata)], data: Vec::new() }
    }

    /// Appends a tensor.
    pub(crate) fn push<T: Element>(&mut self, name: String, shape: &[usize], values: &[T]) {
        let start = self.data.len();
        self.data.reserve(size_of_val(values));
        for value in values {
            self.data.extend_from_slice(&value.to_bits64().to_le_bytes()[..size_of::<T>()]);
        }
        let whole = |n: usize| Json::Whole(n as u64);
        let entry = Json::object([
            ("dtype", Json::text(dtype::<T>())),
            ("shape", Json::List(shape.iter().map(|&n| whole(n)).collect())),
            ("data_offsets", Json::List(vec![whole(start), whole(self.data.len())])),
        ]);
        self.header.push((name, entry));
    }

    /// The whole file.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut header = Json::Object(self.header).to_string().into_bytes();
        // Spaces, so that the data start on a multiple of eight.
        header.resize(header.len().next_multiple_of(8), b' ');
        // Put before the data in their own memory: beside a copy of them, a save would take twice the room.
        let mut file = self.data;
        file.reserve_exact(8 + header.len());
        drop(file.splice(..0, (header.len() as u64).to_le_bytes().into_iter().chain(header)));
        file
    }
}

/// What a header says, checked for itself and against the length of the file.
pub(crate) struct Header {
    /// Our own metadata, if there are any.
    pub(crate) card: Option<Json>,
    /// By name: a header may have hundreds of thousands.
    pub(crate) tensors: BTreeMap<String, Entry>,
    data_len: usize,
}

/// One tensor of a header.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    range: Range<usize>,
}

impl Header {
    /// Reads the header of a file of `len` bytes.
    pub(crate) fn read(source: &mut impl Read, len: u64) -> Result<Self, FileError> {
        let mut start = [0u8; 8];
        if len < 8 {
            return Err(FileError::TooShort(len));
        }
        source.read_exact(&mut start)?;
        let declared = u64::from_le_bytes(start);
        let available = (len - 8).min(LONGEST_HEADER);
        if declared > available {
            return Err(FileError::HeaderLength { declared, available });
        }
        let text = read_exactly(source, declared)?;
        Self::parse(&text, len - 8 - declared)
    }

    fn parse(text: &[u8], data_len: u64) -> Result<Self, FileError> {
        if text.first() != Some(&b'{') {
            return Err(FileError::Json { position: 0, what: "a header begins with '{'" });
        }
        let Json::Object(entries) = Json::parse(text)? else {
            return Err(FileError::Json { position: 0, what: "a header is an object" });
        };
        let (mut card, mut tensors) = (None, Vec::with_capacity(entries.len()));
        for (name, entry) in entries {
            match name.as_str() {
                "__metadata__" => card = our_card(&entry)?,
                _ => tensors.push(Entry::new(name, &entry)?),
            }
        }
        tensors.sort_by_key(|t| (t.range.start, t.range.end));
        let mut end = 0;
        for tensor in &tensors {
            if tensor.range.start != end {
                return Err(tensor.error("its data overlap another tensor's, or leave a gap"));
            }
            end = tensor.range.end;
        }
        let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        match end as u64 == data_len {
            true => Ok(Self { card, tensors, data_len: end }),
            false => Err(FileError::DataLength { expected: end as u64, found: data_len }),
        }
    }

    /// Reads the data that follow a header.
    pub(crate) fn data(&self, source: &mut impl Read) -> Result<Vec<u8>, FileError> {
        read_exactly(source, self.data_len as u64)
    }

    /// The entry of a tensor, taken out; what is left at the end belongs to nobody.
    pub(crate) fn take(&mut self, name: &str) -> Result<Entry, FileError> {
        self.tensors.remove(name).ok_or_else(|| FileError::Missing(name.to_owned()))
    }

    /// No tensor may be left.
    pub(crate) fn nothing_left(&self) -> Result<(), FileError> {
        match self.tensors.keys().next() {
            None => Ok(()),
            Some(name) => Err(FileError::Extra(name.clone())),
        }
    }
}

impl Entry {
    fn new(name: String, json: &Json) -> Result<Self, FileError> {
        let wrong = |what| FileError::Entry { name: name.clone(), what };
        let dtype = json.get("dtype").as_text().ok_or_else(|| wrong("it has no dtype"))?.to_owned();
        let shape = json.get("shape").as_list(Json::as_usize).ok_or_else(|| wrong("it has no shape"))?;
        let offsets = json.get("data_offsets").as_list(Json::as_usize);
        let Some(&[start, end]) = offsets.as_deref() else {
            return Err(wrong("it has no pair of data_offsets"));
        };
        if start > end {
            return Err(wrong("its data end before they start"));
        }
        let size = match dtype.as_str() {
            "F64" | "I64" | "U64" => 8,
            "F32" | "I32" | "U32" => 4,
            "F16" | "BF16" | "I16" | "U16" => 2,
            "BOOL" | "I8" | "U8" | "F8_E5M2" | "F8_E4M3" => 1,
            _ => return Err(wrong("its dtype is unknown")),
        };
        let bytes = shape.iter().try_fold(size, |bytes: usize, &n| bytes.checked_mul(n));
        if bytes != Some(end - start) {
            return Err(wrong("its shape and its data_offsets contradict each other"));
        }
        Ok(Self { name, dtype, shape, range: start..end })
    }

    pub(crate) fn error(&self, what: &'static str) -> FileError {
        FileError::Entry { name: self.name.clone(), what }
    }

    /// Checks type and shape.
    pub(crate) fn expect<T: Element>(&self, shape: &[usize]) -> Result<(), FileError> {
        if self.dtype != dtype::<T>() {
            return Err(FileError::Dtype {
                tensor: self.name.clone(),
                expected: dtype::<T>(),
                found: self.dtype.clone(),
            });
        }
        if self.shape != shape {
            return Err(FileError::Shape {
                tensor: self.name.clone(),
                expected: shape.to_vec(),
                found: self.shape.clone(),
            });
        }
        Ok(())
    }

    /// The numbers of a tensor whose type has been checked.
    pub(crate) fn values<T: Element>(&self, data: &[u8]) -> Vec<T> {
        let bytes = data.get(self.range.clone()).unwrap_or_default();
        let value = |b: &[u8]| match *b {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        };
        // Every f32 is an f64, so the way through f64 keeps all bits of a number.
        bytes.chunks_exact(size_of::<T>()).map(|b| T::from_f64(value(b))).collect()
    }

    /// The same, none of them NaN or infinite.
    pub(crate) fn finite_values<T: Element>(&self, data: &[u8]) -> Result<Vec<T>, FileError> {
        let values = self.values::<T>(data);
        check_finite(&self.name, &values)?;
        Ok(values)
    }
}

/// Names the first number of a tensor that is none.
pub(crate) fn check_finite<T: Element>(tensor: &str, values: &[T]) -> Result<(), FileError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(FileError::NotFinite { tensor: tensor.to_owned(), index, value: values[index].to_f64() }),
    }
}

/// Whether the header of a whole file is short enough to be read again, and has no more values than are read.
pub(crate) fn check_header(file: &[u8]) -> Result<(), FileError> {
    let (start, rest) = file.split_first_chunk().ok_or(FileError::TooShort(file.len() as u64))?;
    let length = u64::from_le_bytes(*start);
    if length > LONGEST_HEADER {
        return Err(FileError::LongHeader { length, longest: LONGEST_HEADER });
    }
    // A value has two bytes at least, with its comma: only a long header is worth reading.
    match rest.split_at_checked(length as usize) {
        Some((text, data)) if text.len() > 2 * MOST_VALUES => Header::parse(text, data.len() as u64).map(drop),
        _ => Ok(()),
    }
}

/// Our entry in the metadata, which is JSON in a string. Metadata of others are left alone.
fn our_card(metadata: &Json) -> Result<Option<Json>, FileError> {
    let wrong = |what| FileError::Entry { name: "__metadata__".to_owned(), what };
    let Json::Object(entries) = metadata else {
        return Err(wrong("it is no object"));
    };
    if entries.iter().any(|(_, value)| value.as_text().is_none()) {
        return Err(wrong("its values must be text"));
    }
    match metadata.get(OURS).as_text() {
        None => Ok(None),
        Some(text) => Json::parse(text.as_bytes()).map(Some),
    }
}

/// So many bytes; the caller has compared `len` with the file, so asking for the memory at once is safe.
fn read_exactly(source: &mut impl Read, len: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let room = usize::try_from(len).map_err(|_| FileError::Memory(len))?;
    bytes.try_reserve_exact(room).map_err(|_| FileError::Memory(len))?;
    let found = source.take(len).read_to_end(&mut bytes)?;
    match found == room {
        true => Ok(bytes),
        false => Err(FileError::DataLength { expected: len, found: found as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_taken_by_name_once() {
        let entry = |name: &str| format!(r#""{name}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#);
        let text = format!("{{{}}}", ["a", "c", "b"].map(entry).join(","));
        let mut header = Header::parse(text.as_bytes(), 0).expect("a header");
        assert_eq!(header.take("c").expect("it is there").name, "c");
        assert!(matches!(header.take("c"), Err(FileError::Missing(name)) if name == "c"));
        assert_eq!(header.take("a").expect("it is there").name, "a");
        assert!(matches!(header.nothing_left(), Err(FileError::Extra(name)) if name == "b"));
        assert_eq!(header.take("b").expect("it is there").name, "b");
        assert!(header.nothing_left().is_ok());
    }

    /// Far more than any model has, and nothing that the bounds would forbid.
    #[test]
    fn large_headers_are_read() {
        let names: Vec<Json> = (0..100_000).map(|class| Json::text(format!("class {class}"))).collect();
        let means = Json::reals(&vec![0.0; 300_000]);
        let long = Json::text("x".repeat(4 << 20));
        let card = Json::object([("classes", Json::List(names)), ("mean", means), ("long", long)]);
        let mut writer = Writer::new(&card);
        (0..100_000).for_each(|l| writer.push(format!("{l}.weight"), &[1, 1], &[0.5f32]));
        let file = writer.finish();
        assert!(check_header(&file).is_ok());
        let header = Header::read(&mut &file[..], file.len() as u64).expect("a header");
        assert_eq!((header.tensors.len(), header.card), (100_000, Some(card)));
    }

    /// Their numbers would take gigabytes before anybody found that they mean nothing.
    #[test]
    fn too_many_values_are_neither_read_nor_written() {
        let zeros = format!("[0{}]", ",0".repeat(MOST_VALUES));
        let (entry, card) = (format!(r#"{{"a":{zeros}}}"#), format!(r#"{{"__metadata__":{{"{OURS}":"{zeros}"}}}}"#));
        for text in [entry, card] {
            let file = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
            let read = Header::read(&mut &file[..], file.len() as u64).map(drop);
            for refused in [read, check_header(&file)] {
                assert!(matches!(refused, Err(FileError::ManyValues(MOST_VALUES))), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_header_that_would_not_be_read_is_not_written() {
        let file = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
        assert!(check_header(&file(LONGEST_HEADER)).is_ok());
        let error = check_header(&file(LONGEST_HEADER + 8)).expect_err("too long");
        assert!(error.to_string().starts_with("its header would have 67108872 bytes"), "{error}");
    }
}
