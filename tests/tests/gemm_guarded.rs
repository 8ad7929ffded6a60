//! The product between guard pages: not one element before or after A, B and C is read or written, on any tier, in any
//! layout. A failure here is a crash of this test program.
#![cfg(unix)]

use deltarule_kernels::gemm::{PackedB, gemm_at, gemm_packed_at};
use deltarule_kernels::{Element, Isa, MatMut, MatRef, Team};
use deltarule_tests::guard::{Against, Guarded};
use deltarule_tests::teams::welcoming;
use deltarule_tests::tiers;

const ROWS: [usize; 10] = [1, 2, 3, 5, 6, 8, 13, 14, 17, 49];
const COLS: [usize; 13] = [1, 2, 3, 7, 8, 9, 15, 17, 31, 33, 63, 65, 100];
const DEPTHS: [usize; 5] = [1, 2, 5, 16, 67];

/// What C holds where β is 0, and must not be read.
fn not_a_number<T: Element>() -> T {
    T::from_f64(f64::NAN)
}

/// A matrix that fills its memory to the last element, stored by rows or by columns.
fn strides(rows: usize, cols: usize, by_columns: bool) -> (usize, usize) {
    if by_columns { (1, rows) } else { (cols, 1) }
}

fn walk<T: Element>(isa: Isa, against: Against) {
    let ones = |len| Guarded::<T>::new(len, against, |_| T::ONE);
    for (m, n, k) in ROWS.iter().flat_map(|&m| COLS.iter().flat_map(move |&n| DEPTHS.map(|k| (m, n, k)))) {
        let (a, b, mut c) = (ones(m * k), ones(k * n), ones(m * n));
        for layout in 0..8 {
            let [ar, br, cr] =
                [strides(m, k, layout & 1 != 0), strides(k, n, layout & 2 != 0), strides(m, n, layout & 4 != 0)];
            let a = MatRef::with_strides(a.slice(), m, k, ar.0, ar.1).unwrap();
            let b = MatRef::with_strides(b.slice(), k, n, br.0, br.1).unwrap();
            let beta = if layout % 3 == 0 { T::ONE } else { T::ZERO };
            c.slice_mut().fill(if beta == T::ZERO { not_a_number() } else { T::ZERO });
            let out = MatMut::with_strides(c.slice_mut(), m, n, cr.0, cr.1).unwrap();
            gemm_at(isa, &Team::serial(), T::ONE, a, b, beta, out).unwrap();
            assert!(c.slice().iter().all(|&x| x == T::from_f64(k as f64)), "{isa} {m} {n} {k}");
        }
    }
}

#[test]
fn nothing_before_the_first_element() {
    for isa in tiers::all() {
        walk::<f32>(isa, Against::Front);
        walk::<f64>(isa, Against::Front);
    }
}

#[test]
fn nothing_past_the_last_element() {
    for isa in tiers::all() {
        walk::<f32>(isa, Against::Back);
        walk::<f64>(isa, Against::Back);
    }
}

/// A matrix of ones at any strides, NaN between them, that fills its memory to the last element.
struct Laid<T> {
    numbers: Guarded<T>,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<T: Element> Laid<T> {
    fn ones(shape: (usize, usize), strides: (usize, usize), against: Against) -> Self {
        let len = (shape.0 - 1) * strides.0 + (shape.1 - 1) * strides.1 + 1;
        let number = |at| if is_element(shape, strides, at) { T::ONE } else { not_a_number() };
        Self { numbers: Guarded::new(len, against, number), shape, strides }
    }

    fn view(&self) -> MatRef<'_, T> {
        let (shape, strides) = (self.shape, self.strides);
        MatRef::with_strides(self.numbers.slice(), shape.0, shape.1, strides.0, strides.1).unwrap()
    }

    fn view_mut(&mut self) -> MatMut<'_, T> {
        let (shape, strides) = (self.shape, self.strides);
        MatMut::with_strides(self.numbers.slice_mut(), shape.0, shape.1, strides.0, strides.1).unwrap()
    }

    /// All elements are ones, or not a number where β is 0 and they must not be read.
    fn prepare(&mut self, beta: T) {
        let (shape, strides) = (self.shape, self.strides);
        let held = if beta == T::ZERO { not_a_number() } else { T::ONE };
        let all = self.numbers.slice_mut().iter_mut().enumerate();
        all.filter(|&(at, _)| is_element(shape, strides, at)).for_each(|(_, x)| *x = held);
    }

    /// Whether all elements are `value`, and nothing between them has been written.
    fn has(&self, value: f64) -> bool {
        let (shape, strides) = (self.shape, self.strides);
        self.numbers.slice().iter().enumerate().all(|(at, x)| match is_element(shape, strides, at) {
            true => x.to_f64() == value,
            false => x.to_f64().is_nan(),
        })
    }
}

/// Whether an element is at this place, of a matrix whose rows, or else columns, are one behind the other.
fn is_element((rows, cols): (usize, usize), (row, col): (usize, usize), at: usize) -> bool {
    let (outer, inner, count) = if row >= col { (row, col, cols) } else { (col, row, rows) };
    (at % outer).is_multiple_of(inner) && at % outer / inner < count
}

/// One row and few; rows that are worth packing B for, by its tile that packs on the way and by a pass, in one block of k and several; and
/// products that two threads share, whole lines or not.
const SPREAD: [(usize, usize, usize); 8] = [
    (1, 64, 70),
    (6, 100, 40),
    (13, 33, 20),
    (48, 64, 40),
    (53, 64, 1100),
    (100, 128, 70),
    (130, 200, 33),
    (97, 99, 101),
];

/// Each with a factor and without, alone and shared; A by rows, by columns and with gaps everywhere; B also with rows so far apart that
/// they fold onto the same cache sets.
fn walk_gaps<T: Element>(isa: Isa, against: Against) {
    let teams = [Team::serial(), Team::new(2)];
    for (m, n, k) in SPREAD {
        let left = [(k, 1), (1, m + 2), (2 * k + 1, 2)].map(|strides| Laid::<T>::ones((m, k), strides, against));
        let right = [(n, 1), (1024, 1), (1, k), (1, k + 5)].map(|strides| Laid::<T>::ones((k, n), strides, against));
        let mut outs = [(n + 3, 1), (1, m), (2 * n + 1, 2)].map(|strides| Laid::<T>::ones((m, n), strides, against));
        let operands = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        let cases =
            operands.flat_map(|(a, b)| teams.iter().flat_map(move |team| [1.0, 0.5].map(|alpha| (a, b, team, alpha))));
        for (case, (a, b, team, alpha)) in cases.enumerate() {
            // Four cases share their A and B, sixteen their A: each meets every C, with what it held and without.
            let (c, beta) = (&mut outs[(case + case / 4) % 3], ((case / 4 + case / 16) % 2) as f64);
            let (factor, onto) = (T::from_f64(alpha), T::from_f64(beta));
            c.prepare(onto);
            gemm_at(isa, welcoming(team), factor, a.view(), b.view(), onto, c.view_mut()).unwrap();
            let (a, b, on) = (a.strides, b.strides, team.threads());
            assert!(
                c.has(alpha * k as f64 + beta),
                "{isa} {m} {n} {k}, A {a:?}, B {b:?}, C {:?}, α {alpha}, {on}",
                c.strides
            );
        }
    }
}

#[test]
fn nothing_outside_of_matrices_with_gaps() {
    for isa in tiers::all() {
        for against in [Against::Front, Against::Back] {
            walk_gaps::<f32>(isa, against);
            walk_gaps::<f64>(isa, against);
        }
    }
}

#[test]
fn packing_reads_its_matrix_and_no_more() {
    let teams = [Team::serial(), Team::new(2)];
    for against in [Against::Front, Against::Back] {
        for (m, n, k) in [(1, 1, 1), (3, 17, 5), (8, 33, 16), (14, 65, 67), (2, 100, 9), (53, 64, 300), (120, 130, 70)]
        {
            for strides in [(n, 1), (1, k), (1024, 1), (2 * n + 1, 2)] {
                let b = Laid::<f32>::ones((k, n), strides, against);
                let packed = PackedB::new(b.view());
                for a in [(k, 1), (1, m), (2 * k + 1, 2)] {
                    multiply_packed((m, n, k), &Laid::ones((m, k), a, against), &packed, &teams, against);
                }
            }
        }
    }
}

/// By each tier and team.
fn multiply_packed(
    (m, n, k): (usize, usize, usize),
    a: &Laid<f32>,
    packed: &PackedB<f32>,
    teams: &[Team],
    against: Against,
) {
    let mut c = Laid::<f32>::ones((m, n), (n + 3, 1), against);
    for (isa, team) in tiers::all().into_iter().flat_map(|isa| teams.iter().map(move |team| (isa, team))) {
        for beta in [0.0, 1.0] {
            c.prepare(beta);
            gemm_packed_at(isa, welcoming(team), a.view(), packed, beta, c.view_mut()).unwrap();
            let (strides, on) = (a.strides, team.threads());
            assert!(c.has((k as f32 + beta).into()), "{isa} {m} {n} {k}, A {strides:?}, β {beta}, {on}");
        }
    }
}
