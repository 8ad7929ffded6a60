//! What a plan packs, and what it reads in place: at the bounds of what pays.

use super::*;
use crate::gemm::kernel_args::End;
use crate::gemm::product::Destination;
use crate::gemm::tests::{numbers, product_of};
use crate::isa::walked::{skipped, walked};
use crate::team::Team;
use crate::{Isa, MatMut, MatRef};

/// B is packed for all jobs at once only where its lines are within the bound, padding included.
#[test]
fn padding_counts_where_all_of_b_is_packed() {
    fn check<T: Element>() {
        let (m, team) = (1000, Team::new(2));
        for (n, pack_b) in [(T::LINE, PackB::Upfront), (T::LINE + 1, PackB::PerJob)] {
            let k = PACKED_BYTES / size_of::<T>() / n;
            // One row for all of A, and one number for all of B: a plan does not read them.
            let (row, number, mut unused) = (vec![T::ZERO; k], [T::ZERO], [T::ZERO]);
            let a = MatRef::with_strides(&row, m, k, 0, 1).unwrap();
            let b = MatRef::with_strides(&number, k, n, 0, 0).unwrap();
            let product = product_of((a, b), End::Stored, MatMut::new(&mut unused, 1, 1).unwrap());
            for isa in Isa::available() {
                let plan = product.plan(TileTable::of(isa), &team, Destination::C);
                assert!(plan.job_rows < m && plan.pack_b == pack_b, "{n} columns, {} on {isa}", T::NAME);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Where strips are a line wide, what is packed: a B that L1 does not keep, far, off the lines or under many rows, some strips of it at once; and an
/// A whose columns it does not keep, for many strips.
#[test]
fn strips_of_a_line_are_packed_where_l1_does_not_keep_them() {
    fn check<T: Element>() {
        let serial = Team::serial();
        for isa in walked(|_| true) {
            let table = TileTable::<T>::of(isa);
            if table.lanes() >= T::LINE || table.strip_vectors(100) * table.lanes() != T::LINE {
                skipped(&format!("the plans of {isa}, whose strips are wider"));
                continue;
            }
            // Rows a quarter of a page apart, of which L1 has room for some thirty; the near B takes half of L2, or a packed strip of it half of L1.
            let n = 1024 / size_of::<T>();
            let (near, far) = ((caches().l1d / 128).min(caches().l2 / 2048), caches().l2 / 2048 + T::LINE);
            if has_room_in_l1::<T>(n, near, T::LINE) || has_room_in_l1::<T>(128, near, T::LINE) {
                skipped("the plans, as L1 keeps what takes half of L2");
                continue;
            }
            let (a, b) = (numbers::<T>(130 * far, 1), numbers::<T>(far * n + 2 * T::LINE, 2));
            let line = b.as_ptr().align_offset(64);
            let plan = |m: usize, k: usize, from: usize, stride: usize| {
                let b = MatRef::with_row_stride(&b[from..], k, n.min(stride), stride).unwrap();
                let views = (MatRef::new(&a[..m * k], m, k).unwrap(), b);
                product_of(views, End::Stored, MatMut::new(&mut [T::ZERO], 1, 1).unwrap()).plan(
                    table,
                    &serial,
                    Destination::C,
                )
            };
            let packs = |m: usize, k: usize, from: usize| plan(m, k, from, n).pack_b == PackB::PerJob;
            assert_eq!(
                [ROWS_TO_PACK_LINE - 1, ROWS_TO_PACK_LINE].map(|m| packs(m, near, line)),
                [false, true],
                "{isa}: on the lines"
            );
            assert_eq!(
                [ROWS_TO_PACK_SPLIT_LINE - 1, ROWS_TO_PACK_SPLIT_LINE].map(|m| packs(m, near, line + 1)),
                [false, true],
                "{isa}: off them"
            );
            assert_eq!(
                [ROWS_TO_PACK_FAR_LINE - 1, ROWS_TO_PACK_FAR_LINE].map(|m| packs(m, far, line)),
                [false, true],
                "{isa}: from afar"
            );
            assert!(!packs(40, 8, line + 1), "{isa}: L1 keeps eight rows");
            let strips = plan(100, near, line + 1, n).job_cols / T::LINE;
            assert_eq!(strips, (caches().l2 / 4 / bytes::<T>(near, T::LINE)).min(n / T::LINE), "{isa}: at once");

            let packs_a = |m: usize, n: usize, k: usize| {
                let views = (MatRef::new(&a[..m * k], k, m).unwrap().t(), MatRef::new(&b[..k * n], k, n).unwrap());
                product_of(views, End::Stored, MatMut::new(&mut [T::ZERO], 1, 1).unwrap())
                    .plan(table, &serial, Destination::C)
                    .pack_a
            };
            let many = STRIPS_TO_PACK_A * T::LINE;
            assert_eq!(
                [many - T::LINE, many].map(|n| packs_a(128, n, near)),
                [false, true],
                "{isa}: A for many strips"
            );
            assert!(!packs_a(128, many, 8), "{isa}: L1 keeps eight columns of A");
        }
    }
    check::<f32>();
    check::<f64>();
}
