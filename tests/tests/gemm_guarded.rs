//! The product between guard pages: not one element before or after A, B and C is read or written, on any tier, in any
//! layout. A failure here is a crash of this test program.
#![cfg(unix)]

use deltarule_kernels::gemm::{PackedB, gemm_at, gemm_packed};
use deltarule_kernels::{Element, Isa, MatMut, MatRef, Team};
use deltarule_tests::guard::{Against, Guarded};
use deltarule_tests::tiers;

const ROWS: [usize; 10] = [1, 2, 3, 5, 6, 8, 13, 14, 17, 49];
const COLS: [usize; 13] = [1, 2, 3, 7, 8, 9, 15, 17, 31, 33, 63, 65, 100];
const DEPTHS: [usize; 5] = [1, 2, 5, 16, 67];

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
            c.slice_mut().fill(T::ZERO);
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

#[test]
fn packing_reads_its_matrix_and_no_more() {
    for against in [Against::Front, Against::Back] {
        for (m, n, k) in [(1, 1, 1), (3, 17, 5), (8, 33, 16), (14, 65, 67), (2, 100, 9)] {
            for by_columns in [false, true] {
                let ones = |len| Guarded::<f32>::new(len, against, |_| 1.0);
                let (a, b, mut c) = (ones(m * k), ones(k * n), ones(m * n));
                let (row, col) = strides(k, n, by_columns);
                let packed = PackedB::new(MatRef::with_strides(b.slice(), k, n, row, col).unwrap());
                let a = MatRef::new(a.slice(), m, k).unwrap();
                gemm_packed(&Team::serial(), a, &packed, 0.0, MatMut::new(c.slice_mut(), m, n).unwrap()).unwrap();
                assert!(c.slice().iter().all(|&x| x == k as f32));
            }
        }
    }
}
