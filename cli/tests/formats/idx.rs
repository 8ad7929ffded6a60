//! IDX files of bytes, for tests that read them.

/// The header of this shape, and these elements, be they as many as it promises or not.
pub(crate) fn idx(shape: &[u32], elements: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend(elements);
    bytes
}
