//! Rows as they are stored, and how one of them becomes the numbers that a net sees.
//!
//! Images are bytes on disk and may stay so until a batch is put together: a quarter of the traffic of `f32`. A byte
//! `b` stands for `b / 255`, correctly rounded, and a standardised number for `(x − mean) · scale`, computed in `f64`
//! and rounded once. Both are element by element, with the same bits on every tier.

use crate::element::Element;
use crate::isa::{Simd, load_bytes, store};
use crate::view::ShapeError;

/// What rows are stored as, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a, T> {
    /// Numbers.
    Numbers(&'a [T]),
    /// Bytes, `b` for `b / 255`.
    Pixels(&'a [u8]),
}

/// Rows of equal length, stored in one way or the other, and standardised when they are read or as they are.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    pub(crate) stored: Stored<'a, T>,
    columns: usize,
    pub(crate) standard: Option<Standard<'a>>,
}

/// A mean and a scale for each column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standard<'a> {
    mean: &'a [f64],
    scale: &'a [f64],
}

impl<'a, T: Element> Rows<'a, T> {
    /// Whole rows of `columns` elements; what is left behind the last is none.
    pub fn new(stored: Stored<'a, T>, columns: usize) -> Self {
        Self { stored, columns, standard: None }
    }

    /// The same rows, each number read as `(x − mean) · scale`.
    ///
    /// # Errors
    /// There is not one mean and one scale for each column.
    pub fn standardised(self, mean: &'a [f64], scale: &'a [f64]) -> Result<Self, ShapeError> {
        ShapeError::expect("the means of the columns", self.columns, mean.len())?;
        ShapeError::expect("the scales of the columns", self.columns, scale.len())?;
        Ok(Self { standard: Some(Standard { mean, scale }), ..self })
    }

    /// How many rows.
    pub fn height(&self) -> usize {
        let len = match self.stored {
            Stored::Numbers(numbers) => numbers.len(),
            Stored::Pixels(bytes) => bytes.len(),
        };
        len.checked_div(self.columns).unwrap_or(0)
    }

    /// Elements of a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The numbers that reading would give, where they are there already.
    pub fn numbers(&self) -> Option<&'a [T]> {
        match (self.stored, self.standard) {
            (Stored::Numbers(numbers), None) => Some(numbers),
            _ => None,
        }
    }
}

/// An element of a stored row.
pub(crate) trait Readable<T>: Sized {
    /// A row as numbers; both have one length.
    fn read<S: Simd<T>>(simd: S, row: &[Self], to: &mut [T]);
}

impl<T: Element> Readable<T> for T {
    #[inline(always)]
    fn read<S: Simd<T>>(_: S, row: &[T], to: &mut [T]) {
        to.copy_from_slice(row);
    }
}

impl<T: Element> Readable<T> for u8 {
    #[inline(always)]
    fn read<S: Simd<T>>(simd: S, row: &[u8], to: &mut [T]) {
        let pixel = Pixel::new(simd);
        let (mut to, mut bytes) = (to.chunks_exact_mut(S::LANES), row.chunks_exact(S::LANES));
        for (to, bytes) in to.by_ref().zip(bytes.by_ref()) {
            store(simd, to, pixel.value(load_bytes(simd, bytes)));
        }
        store(simd, to.into_remainder(), pixel.value(load_bytes(simd, bytes.remainder())));
    }
}

/// `x / 255` for whole numbers up to 255, correctly rounded, but without a divide, of which a batch would wait for
/// thousands.
///
/// 1/255 is kept as the sum of two numbers, so the product is known to twice the bits before its one rounding; no
/// byte's quotient is near enough to the middle of two floats for the rest to matter, which the test proves byte by
/// byte.
struct Pixel<V, S> {
    simd: S,
    most: V,
    near: V,
    rest: V,
}

impl<V: Copy, S> Pixel<V, S> {
    #[inline(always)]
    fn new<T: Element>(simd: S) -> Self
    where
        S: Simd<T, V = V>,
    {
        let one = simd.splat(T::ONE);
        let most = simd.splat(T::from_f64(255.0));
        let near = simd.div(one, most);
        let rest = simd.div(simd.mul_add(simd.neg(near), most, one), most);
        Self { simd, most, near, rest }
    }

    #[inline(always)]
    fn value<T: Element>(&self, x: V) -> V
    where
        S: Simd<T, V = V>,
    {
        match S::ISA.fuses() {
            true => self.simd.mul_add(x, self.near, self.simd.mul(x, self.rest)),
            false => self.simd.div(x, self.most),
        }
    }
}

impl Standard<'_> {
    /// An ordinary loop, compiled for the tier: the numbers are a row in L1.
    #[inline(always)]
    pub(crate) fn apply<T: Element>(&self, row: &mut [T]) {
        for ((x, mean), scale) in row.iter_mut().zip(self.mean).zip(self.scale) {
            *x = T::from_f64((x.to_f64() - mean) * scale);
        }
    }
}
