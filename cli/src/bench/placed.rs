//! Where a product is written: every C begins as far behind a page, or whose rows happen to cross cache lines would be the allocator's choice.

use std::ops::{Deref, DerefMut, Range};

use deltarule_kernels::Element;

/// Bytes of a page of memory.
const PAGE: usize = 4096;
/// Bytes behind the beginning of one where a C begins, as a large `Vec` does by the usual `malloc`.
const BEHIND: usize = 16;

/// The elements of a matrix, some bytes behind a page: 16, if nothing else is said.
pub struct Placed<T> {
    memory: Vec<T>,
    at: Range<usize>,
}

impl<T: Element> Placed<T> {
    /// So many zeros.
    pub fn zeros(len: usize) -> Self {
        Self::zeros_behind(len, BEHIND)
    }

    /// So many zeros, so many bytes behind a page, in whole elements.
    pub fn zeros_behind(len: usize, bytes: usize) -> Self {
        let memory = vec![T::ZERO; len + (PAGE + bytes) / size_of::<T>()];
        let start = memory.as_ptr().align_offset(PAGE) + bytes / size_of::<T>();
        Self { memory, at: start..start + len }
    }
}

impl<T> Deref for Placed<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.memory[self.at.clone()]
    }
}

impl<T> DerefMut for Placed<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.at.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_c_begins_behind_a_page() {
        for len in [0, 1, 1000] {
            let (single, double) = (Placed::<f32>::zeros(len), Placed::<f64>::zeros(len));
            assert_eq!((single.len(), double.len()), (len, len));
            assert_eq!([single.as_ptr().addr() % PAGE, double.as_ptr().addr() % PAGE], [BEHIND; 2]);
            let off = Placed::<f32>::zeros_behind(len, 4);
            assert_eq!((off.len(), off.as_ptr().addr() % PAGE), (len, 4));
        }
    }
}
