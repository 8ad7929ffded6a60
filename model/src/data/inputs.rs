//! The inputs of all rows, kept as they came: numbers, or the bytes of images.

use crate::Element;
use deltarule_kernels::Stored;
use std::borrow::Cow;
use std::ops::Range;

/// The inputs of all rows, one row after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Inputs<T> {
    /// Numbers, all finite.
    Numbers(Vec<T>),
    /// A byte `b` for `b / 255`.
    Pixels(Vec<u8>),
}

impl<T: Element> Inputs<T> {
    /// How many, over all rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Pixels(pixels) => pixels.len(),
        }
    }

    /// For the kernels.
    pub(super) fn stored(&self) -> Stored<'_, T> {
        match self {
            Self::Numbers(numbers) => Stored::Numbers(numbers),
            Self::Pixels(pixels) => Stored::Pixels(pixels),
        }
    }

    /// Some of them as numbers.
    pub(super) fn numbers(&self, range: Range<usize>) -> Cow<'_, [T]> {
        match self {
            Self::Numbers(numbers) => Cow::Borrowed(&numbers[range]),
            Self::Pixels(pixels) => {
                let number = |&pixel: &u8| T::from_f64(f64::from(pixel) / 255.0);
                Cow::Owned(pixels[range].iter().map(number).collect())
            }
        }
    }

    /// Some rows, in the order given.
    pub(super) fn select(&self, rows: &[usize], columns: usize) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(select(numbers, rows, columns)),
            Self::Pixels(pixels) => Self::Pixels(select(pixels, rows, columns)),
        }
    }
}

fn select<E: Copy>(elements: &[E], rows: &[usize], columns: usize) -> Vec<E> {
    let mut selected = Vec::with_capacity(rows.len() * columns);
    rows.iter().for_each(|&row| selected.extend_from_slice(&elements[row * columns..(row + 1) * columns]));
    selected
}
