//! A matrix in memory of its own, with any strides. Whatever lies between its elements is poison: NaN with a payload
//! that no arithmetic makes, so that a read spoils the result and a write is noticed.

use deltarule_kernels::{Element, MatMut, MatRef, ShapeError};

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Row after row, this many elements of gap between them.
    Rows(usize),
    /// Column after column, this many elements of gap between them.
    Columns(usize),
    /// Row after row, this many elements of gap after every element.
    Sparse(usize),
    /// One row, seen again and again (stride 0).
    RowRepeated,
    /// One column, seen again and again (stride 0).
    ColumnRepeated,
}

impl Order {
    /// Elements from row to row and from column to column.
    pub fn strides(self, rows: usize, cols: usize) -> (usize, usize) {
        match self {
            Self::Rows(gap) => (cols + gap, 1),
            Self::Columns(gap) => (1, rows + gap),
            Self::Sparse(gap) => (cols * (gap + 1) + gap, gap + 1),
            Self::RowRepeated => (0, 1),
            Self::ColumnRepeated => (1, 0),
        }
    }
}

/// A matrix, its strides and the memory around its elements.
#[derive(Clone, Debug)]
pub struct Matrix<T> {
    data: Vec<T>,
    rows: usize,
    cols: usize,
    strides: (usize, usize),
    /// Elements before element (0, 0), to unsettle its alignment.
    lead: usize,
}

impl<T: Element> Matrix<T> {
    /// `value(i, j)` everywhere, poison everywhere else.
    pub fn new(rows: usize, cols: usize, order: Order, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let strides = order.strides(rows, cols);
        let last = rows.saturating_sub(1) * strides.0 + cols.saturating_sub(1) * strides.1;
        let lead = (rows * 7 + cols * 3) % 5;
        let mut matrix = Self { data: vec![poison(); lead + last + 1 + 3], rows, cols, strides, lead };
        for i in 0..rows {
            for j in 0..cols {
                let at = matrix.at(i, j);
                matrix.data[at] = value(i, j);
            }
        }
        matrix
    }

    /// All poison: an output that must not be read.
    pub fn poisoned(rows: usize, cols: usize, order: Order) -> Self {
        Self::new(rows, cols, order, |_, _| poison())
    }

    fn at(&self, i: usize, j: usize) -> usize {
        self.lead + i * self.strides.0 + j * self.strides.1
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element (i, j).
    pub fn get(&self, i: usize, j: usize) -> T {
        self.data[self.at(i, j)]
    }

    /// Replaces element (i, j), and with a zero stride its repetitions.
    pub fn set(&mut self, i: usize, j: usize, value: T) {
        let at = self.at(i, j);
        self.data[at] = value;
    }

    /// To read.
    ///
    /// # Errors
    /// As [`MatRef::with_strides`].
    pub fn view(&self) -> Result<MatRef<'_, T>, ShapeError> {
        MatRef::with_strides(&self.data[self.lead..], self.rows, self.cols, self.strides.0, self.strides.1)
    }

    /// To write.
    ///
    /// # Errors
    /// As [`MatMut::with_strides`].
    pub fn view_mut(&mut self) -> Result<MatMut<'_, T>, ShapeError> {
        MatMut::with_strides(&mut self.data[self.lead..], self.rows, self.cols, self.strides.0, self.strides.1)
    }

    /// Nothing but elements has been written.
    pub fn gaps_untouched(&self) -> bool {
        let mut element = vec![false; self.data.len()];
        for i in 0..self.rows {
            for j in 0..self.cols {
                element[self.at(i, j)] = true;
            }
        }
        let is_poison = |x: &T| x.to_bits64() == poison::<T>().to_bits64();
        self.data.iter().zip(element).all(|(x, element)| element || is_poison(x))
    }

    /// The elements row by row.
    pub fn elements(&self) -> Vec<T> {
        (0..self.rows * self.cols).map(|at| self.get(at / self.cols, at % self.cols)).collect()
    }
}

/// A quiet NaN with a payload of its own.
pub fn poison<T: Element>() -> T {
    // A NaN made by arithmetic is the default one; this one comes from bits, and survives a widening conversion.
    T::from_f64(f64::from(f32::from_bits(0x7fc5_ad05)))
}
