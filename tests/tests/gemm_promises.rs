//! What the product promises beyond its numbers: what is read and written, which arguments are refused.

use deltarule_kernels::gemm::gemm_at;
use deltarule_kernels::{Element, Isa, MatMut, MatRef, ShapeError, Team, gemm};
use deltarule_tests::matrix::{Matrix, Order, poison};
use deltarule_tests::random::Random;
use deltarule_tests::tiers;

fn uniform(rows: usize, cols: usize, random: &mut Random) -> Matrix<f32> {
    Matrix::new(rows, cols, Order::Rows(0), |_, _| random.uniform() as f32)
}

fn multiply(isa: Isa, alpha: f32, a: &Matrix<f32>, b: &Matrix<f32>, beta: f32, c: &mut Matrix<f32>) {
    let (a, b) = (a.view().unwrap(), b.view().unwrap());
    gemm_at(isa, &Team::serial(), alpha, a, b, beta, c.view_mut().unwrap()).unwrap();
}

#[test]
fn without_depth_c_is_scaled() {
    for isa in tiers::all() {
        let (a, b) = (Matrix::poisoned(5, 0, Order::Rows(0)), Matrix::poisoned(0, 7, Order::Rows(0)));
        for (beta, expected) in [(0.0, 0.0), (1.0, 3.0), (-0.5, -1.5)] {
            let mut c = Matrix::new(5, 7, Order::Rows(1), |_, _| 3.0f32);
            multiply(isa, 1.0, &a, &b, beta, &mut c);
            assert!(c.elements().iter().all(|x| x.to_bits() == f32::to_bits(expected)), "{isa} beta {beta}");
            assert!(c.gaps_untouched());
        }
        let mut c = Matrix::poisoned(5, 7, Order::Columns(1));
        multiply(isa, 1.0, &a, &b, 0.0, &mut c);
        assert!(c.elements().iter().all(|x| x.to_bits() == 0), "exact zeros over NaN");
    }
}

#[test]
fn without_alpha_the_factors_are_not_read() {
    for isa in tiers::all() {
        let (a, b) = (Matrix::poisoned(9, 20, Order::Rows(0)), Matrix::poisoned(20, 70, Order::Rows(0)));
        for alpha in [0.0, -0.0] {
            let mut c = Matrix::new(9, 70, Order::Rows(0), |_, _| 2.0f32);
            multiply(isa, alpha, &a, &b, 0.5, &mut c);
            assert!(c.elements().iter().all(|&x| x == 1.0), "{isa} alpha {alpha:?}");
            for beta in [0.0, -0.0] {
                let mut c = Matrix::poisoned(9, 70, Order::Rows(0));
                multiply(isa, alpha, &a, &b, beta, &mut c);
                assert!(c.elements().iter().all(|x| x.to_bits() == 0), "{isa} alpha {alpha:?}, beta {beta:?}");
            }
        }
    }
}

/// Whichever of the factors is the one that is packed.
#[test]
fn alpha_times_a_must_be_a_number_of_the_type() {
    for isa in tiers::all() {
        for (m, n) in [(1, 1), (1, 40), (40, 1), (20, 40)] {
            for order in [Order::Rows(0), Order::Columns(0), Order::Sparse(1)] {
                let (a, b) = (Matrix::new(m, 1, order, |_, _| 3e38), Matrix::new(1, n, order, |_, _| 0.1));
                let mut c = Matrix::new(m, n, order, |_, _| 1.0f32);
                multiply(isa, 2.0, &a, &b, 1.0, &mut c);
                assert!(c.elements().iter().all(|&c| c == f32::INFINITY), "{isa} {m} × {n} {order:?}");
            }
        }
    }
}

#[test]
fn without_beta_c_is_not_read() {
    for isa in tiers::all() {
        let mut random = Random::new(1);
        for (m, n, k) in [(1, 1, 1), (1, 200, 30), (6, 64, 9), (13, 67, 100), (130, 3, 40), (70, 300, 1100)] {
            let (a, b) = (uniform(m, k, &mut random), uniform(k, n, &mut random));
            for (alpha, beta) in [(1.0, 0.0), (-0.5, 0.0), (1.0, -0.0)] {
                for order in [Order::Rows(0), Order::Columns(0), Order::Sparse(1)] {
                    let mut c = Matrix::poisoned(m, n, order);
                    multiply(isa, alpha, &a, &b, beta, &mut c);
                    assert!(c.elements().iter().all(|x| x.is_finite()), "{isa} {m} {n} {k} {order:?}, beta {beta:?}");
                }
            }
        }
    }
}

#[test]
fn unaligned_memory_has_the_same_bits() {
    for isa in tiers::fused() {
        let mut random = Random::new(3);
        // The last: columns of B a multiple of a cache line apart, which are read from their next line on.
        for ((m, n, k), b_by_columns) in [((13, 70, 37), false), ((13, 70, 37), true), ((7, 40, 272), true)] {
            let a: Vec<f32> = (0..m * k).map(|_| random.uniform() as f32).collect();
            let b: Vec<f32> = (0..k * n).map(|_| random.uniform() as f32).collect();
            let (b_row, b_col) = if b_by_columns { (1, k) } else { (n, 1) };
            let run = |shift: usize| {
                let shifted = |x: &[f32]| [vec![poison(); shift], x.to_vec()].concat();
                let (a, b, mut c) = (shifted(&a), shifted(&b), vec![0.0; m * n + shift]);
                let a = MatRef::new(&a[shift..], m, k).unwrap();
                let b = MatRef::with_strides(&b[shift..], k, n, b_row, b_col).unwrap();
                let output = MatMut::new(&mut c[shift..], m, n).unwrap();
                gemm_at(isa, &Team::serial(), 1.0, a, b, 0.0, output).unwrap();
                c[shift..].iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            let aligned = run(0);
            (1..17).for_each(|shift| assert_eq!(run(shift), aligned, "{isa}, {m}×{n}×{k}, shifted by {shift}"));
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused_before_anything_is_written() {
    let data = [1.0f32; 64];
    let mut c = [7.0f32; 64];
    let view = |rows, cols| MatRef::new(&data, rows, cols).unwrap();
    for (a, b, (rows, cols)) in
        [(view(2, 3), view(4, 5), (2, 5)), (view(2, 3), view(3, 5), (3, 5)), (view(2, 3), view(3, 5), (2, 4))]
    {
        let error = gemm(1.0, a, b, 0.0, MatMut::new(&mut c, rows, cols).unwrap()).unwrap_err();
        assert!(matches!(error, ShapeError::Mismatch { .. }), "{error}");
        assert!(c.iter().all(|&x| x == 7.0));
    }
}

#[test]
fn views_outside_their_slice_are_refused() {
    let data = [0.0f32; 11];
    assert!(matches!(MatRef::new(&data, 3, 4), Err(ShapeError::SliceTooShort { needed: 12, len: 11, .. })));
    assert!(MatRef::with_strides(&data, 3, 3, 4, 1).is_ok(), "the last row needs no gap after it");
    for (rows, cols, row, col) in [
        (usize::MAX, 2, 1, 1),
        (2, usize::MAX, 1, 1),
        (2, 2, usize::MAX, 1),
        (2, 2, 1, usize::MAX),
        (1 << 40, 1 << 40, 1 << 40, 1),
        (usize::MAX, usize::MAX, 0, 0),
        // Few elements in memory, but sizes made of them would overflow.
        (1, 1 << 60, 1, 0),
        (1 << 60, 1, 0, 1),
    ] {
        let refused = MatRef::with_strides(&data, rows, cols, row, col);
        assert!(matches!(refused, Err(ShapeError::Overflow { .. } | ShapeError::SliceTooShort { .. })), "{refused:?}");
        let mut data = data;
        assert!(MatMut::with_strides(&mut data, rows, cols, row, col).is_err());
    }
}

#[test]
fn outputs_that_overlap_themselves_are_refused() {
    let mut data = [0.0f32; 64];
    for (rows, cols, row, col) in
        [(3, 3, 2, 1), (3, 3, 0, 1), (3, 3, 1, 0), (1, 3, 5, 0), (3, 1, 0, 5), (3, 3, 1, 2), (4, 4, 3, 2)]
    {
        let refused = MatMut::with_strides(&mut data, rows, cols, row, col);
        assert!(matches!(refused, Err(ShapeError::OverlappingOutput { .. })), "{rows} {cols} {row} {col}");
    }
    let disjoint = MatMut::with_strides(&mut data, 3, 2, 2, 3).unwrap_err();
    assert!(disjoint.to_string().contains("or rows and columns interleave"), "{disjoint}");
    for (rows, cols, row, col) in [(3, 3, 3, 1), (3, 3, 1, 3), (1, 3, 0, 1), (3, 1, 1, 0), (0, 5, 0, 0), (1, 1, 0, 0)] {
        assert!(MatMut::with_strides(&mut data, rows, cols, row, col).is_ok(), "{rows} {cols} {row} {col}");
    }
}

#[test]
fn an_error_says_what_where_and_what_to_do() {
    let data = [0.0f32; 4];
    let text = MatRef::new(&data, 3, 4).unwrap_err().to_string();
    assert!(text.contains("3 × 4") && text.contains("12") && text.contains('4'), "{text}");
}

/// Inputs of the widest range that still adds up, in both element types.
#[test]
fn large_and_small_numbers_side_by_side() {
    #[expect(clippy::disallowed_methods, reason = "powers of two, which are exact")]
    fn check<T: Element>(isa: Isa, exponent: i32) {
        let a =
            Matrix::new(4, 3, Order::Rows(0), |_, p| T::from_f64([1.0, 2f64.powi(exponent), -2f64.powi(exponent)][p]));
        let b = Matrix::new(3, 40, Order::Rows(0), |_, _| T::ONE);
        let mut c = Matrix::poisoned(4, 40, Order::Rows(0));
        let (a, b) = (a.view().unwrap(), b.view().unwrap());
        gemm_at(isa, &Team::serial(), T::ONE, a, b, T::ZERO, c.view_mut().unwrap()).unwrap();
        // In the order of k the 1 is lost in the large number, and what is left is exactly zero.
        assert!(c.elements().iter().all(|&x| x == T::ZERO), "{isa}: another order of summation");
    }
    for isa in tiers::all() {
        check::<f32>(isa, 60);
        check::<f64>(isa, 120);
    }
}

/// Rows longer than what may be packed at a time.
#[test]
fn rows_beyond_the_bound_of_packing_are_multiplied() {
    let k = 2_100_000;
    let (a, b) = (vec![1.0f32; 2 * k], vec![0.25f32; k]);
    let mut c = [f32::NAN; 2];
    let (a, b) = (MatRef::new(&a, 2, k).unwrap(), MatRef::new(&b, k, 1).unwrap());
    gemm(2.0, a, b, 0.0, MatMut::new(&mut c, 2, 1).unwrap()).unwrap();
    // Every partial sum is a multiple of ½ below 2²⁴.
    assert_eq!(c, [1_050_000.0; 2]);
}

#[test]
fn rows_apart_are_views_like_any_other() {
    let numbers = [0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let view = MatRef::with_row_stride(&numbers, 2, 3, 4).unwrap(); // the last row has no gap behind it
    assert_eq!([view.get(0, 2), view.get(1, 0), view.get(1, 2)], [2.0, 4.0, 6.0]);
    let repeated = MatRef::with_row_stride(&numbers, 5, 3, 0).unwrap();
    assert_eq!(repeated.get(4, 1), 1.0);
    assert!(MatRef::with_row_stride(&numbers, 3, 3, 4).is_err(), "too short");
    assert!(MatRef::with_row_stride(&numbers, usize::MAX, 3, 4).is_err(), "larger than the address space");
    assert!(MatRef::with_row_stride(&numbers, usize::MAX, 3, 0).is_err(), "repeated so often, sizes would overflow");
    assert!(MatRef::with_row_stride(&numbers, 1 << 50, 7, 0).is_ok());
    assert!(MatRef::with_row_stride(&numbers, 0, 3, 4).is_ok());
    let mut out = numbers;
    assert!(MatMut::with_row_stride(&mut out, 2, 3, 4).is_ok());
    assert!(MatMut::with_row_stride(&mut out, 1, 5, 2).is_ok(), "a single row overlaps nothing");
    let overlapping = MatMut::with_row_stride(&mut out, 2, 4, 3);
    assert!(matches!(overlapping, Err(ShapeError::OverlappingOutput { .. })));
}
