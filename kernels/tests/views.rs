//! Parts of views: which elements they have, and which they refuse to have.

use deltarule_kernels::{MatMut, MatRef};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// 0, 1, 2, …
fn counted<const N: usize>() -> [f64; N] {
    std::array::from_fn(|i| i as f64)
}

fn is_refused<R>(part: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(part)).is_err()
}

#[test]
fn some_rows_are_a_view_of_their_own() {
    let mut data = counted::<20>();
    let view = MatRef::with_strides(&data, 4, 3, 5, 2).unwrap();
    let part = view.rows_range(1..3);
    assert_eq!([part.rows(), part.cols(), part.row_stride(), part.col_stride()], [2, 3, 5, 2]);
    assert_eq!((part.get(0, 0), part.get(1, 2)), (5.0, 14.0));
    assert!(view.rows_range(4..4).is_empty() && is_refused(|| view.rows_range(3..5)));
    let mut view = MatMut::with_strides(&mut data, 4, 3, 5, 2).unwrap();
    let mut part = view.reborrow().rows_range(2..4);
    part.set(0, 1, -1.0);
    assert_eq!([part.rows(), part.cols(), part.row_stride(), part.col_stride()], [2, 3, 5, 2]);
    assert!(is_refused(|| view.reborrow().rows_range(3..5).is_empty()));
    // It was lent, not given away.
    view.set(0, 0, -2.0);
    let changed = data.iter().enumerate().filter(|&(i, &x)| x != i as f64).map(|(i, _)| i).collect::<Vec<_>>();
    assert_eq!(changed, [0, 12]);
}

#[test]
fn a_run_of_a_row_is_a_slice() {
    let data = counted::<20>();
    let view = MatRef::with_row_stride(&data, 4, 3, 5).unwrap();
    assert_eq!(view.row_range(2, 1..3), [11.0, 12.0]);
    assert!(view.row_range(3, 3..3).is_empty());
    for (row, cols) in [(4, 0..1), (4, 0..0), (99, 5..5), (0, 0..4), (0, 4..4), (0, Range { start: 2, end: 1 })] {
        assert!(is_refused(|| view.row_range(row, cols.clone())), "columns {cols:?} of row {row}");
    }
    assert!(is_refused(|| view.t().row_range(0, 0..1)), "columns apart");
    let column = MatRef::with_strides(&data, 4, 1, 5, 7).unwrap();
    assert_eq!(column.row_range(3, 0..1), [15.0]);
    let none = MatRef::<f64>::new(&[], usize::MAX, 0).unwrap();
    assert!(none.row_range(usize::MAX - 1, 0..0).is_empty());
}
