//! A layer and a batch of numbers that look random, and how results are compared.

use crate::dense::Weights;
use crate::element::Element;
use crate::view::MatRef;

/// Numbers between −1 and 1 that look random.
pub(super) fn numbers<T: Element>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| T::from_f64(next())).collect()
}

/// A layer and a batch.
pub(super) struct Case<T> {
    pub(super) batch: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) x: Vec<T>,
    pub(super) w: Vec<T>,
    pub(super) bias: Vec<T>,
    pub(super) dz: Vec<T>,
}

impl<T: Element> Case<T> {
    pub(super) fn new(batch: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            batch,
            inputs,
            outputs,
            x: numbers(batch * inputs, 1),
            w: numbers(outputs * inputs, 2),
            bias: numbers(outputs, 3),
            dz: numbers(batch * outputs, 4),
        }
    }

    pub(super) fn x(&self) -> MatRef<'_, T> {
        MatRef::new(&self.x, self.batch, self.inputs).unwrap()
    }

    pub(super) fn dz(&self) -> MatRef<'_, T> {
        MatRef::new(&self.dz, self.batch, self.outputs).unwrap()
    }

    pub(super) fn weights(&self) -> Weights<T> {
        Weights::from_rows(MatRef::new(&self.w, self.outputs, self.inputs).unwrap(), true)
    }
}

/// Shapes around lines, tiles and the jobs of the fused update, and one large enough for a team.
pub(super) const SHAPES: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (3, 5, 2),
    (32, 1, 16),
    (7, 17, 33),
    (64, 13, 64),
    (33, 100, 10),
    (70, 50, 1),
    (300, 1000, 1),
    (20, 130, 70),
    (65, 200, 129),
    (128, 300, 80),
    (70, 20, 300),
    (20, 500, 90),
];

pub(super) fn bits<T: Element>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits64()).collect()
}

/// Rows with a gap of NaN behind each.
pub(super) fn apart<T: Element>(rows: &[T], columns: usize, gap: usize) -> Vec<T> {
    rows.chunks(columns).flat_map(|row| row.iter().copied().chain(vec![T::from_f64(f64::NAN); gap])).collect()
}

/// Rows without their gaps, in which nothing has been written.
pub(super) fn together<T: Element>(rows: &[T], columns: usize, gap: usize) -> Vec<T> {
    let (rows, gaps): (Vec<_>, Vec<_>) = rows.chunks(columns + gap).map(|row| row.split_at(columns)).unzip();
    assert!(gaps.concat().iter().all(|x| x.to_f64().is_nan()), "a gap was written to");
    rows.concat()
}
