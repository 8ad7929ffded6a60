//! What is packed of A keeps its bound, whatever the shape, and the chains are the same however it is cut for that.

use super::*;
use crate::gemm::gemm_at;
use crate::gemm::scratch::{Lent, Slot};
use crate::gemm::tests::numbers;
use crate::isa::walked::walked;
use crate::view::{MatMut, MatRef};

/// C = 0.7 A B − 0.3 C on a thread of its own; says how many bytes that has kept for A.
fn kept_for_left(isa: Isa, (a, b): (MatRef<'_, f32>, MatRef<'_, f32>), c: &mut [f32]) -> usize {
    let work = move || {
        let c = MatMut::new(c, a.rows(), b.cols()).unwrap();
        gemm_at(isa, &Team::serial(), 0.7, a, b, -0.3, c).unwrap();
        let mut kept = Lent::<f32>::none(Slot::A);
        kept.grow(0);
        size_of_val(kept.as_mut())
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// Rows of one number each, which take a line when they are packed; one row, which is not a whole panel; and rows of which a panel is beyond
/// the bound, so that k is cut. The chains are the same.
#[test]
fn what_is_packed_of_a_keeps_its_bound_padding_included() {
    let (n, tiers) = (4, walked(Isa::fuses));
    // Rows, steps, and from one column of A to the next.
    for (m, k, apart) in [(2_097_152, 1, 1), (1, 1_000_000, 2), (3, 700_100, 2), (16, 140_000, 3), (7, 300_001, 1)] {
        let (a, b, before) = (numbers::<f32>(m * k * apart, 1), numbers::<f32>(k * n, 2), numbers::<f32>(m * n, 3));
        let a = MatRef::with_strides(&a, m, k, k * apart, apart).unwrap();
        let b = MatRef::new(&b, k, n).unwrap();
        let chain = |at: usize| {
            let (i, j) = (at / n, at % n);
            (0..k).fold(-0.3 * before[at], |sum, p| (0.7 * a.get(i, p)).mul_add(b.get(p, j), sum))
        };
        let expected: Vec<u32> = (0..m * n).map(|at| chain(at).to_bits()).collect();
        for &isa in &tiers {
            let mut c = before.clone();
            let kept = kept_for_left(isa, (a, b), &mut c);
            assert!(kept <= PACKED_BYTES, "{kept} bytes for A of {m} × {n} × {k} on {isa}");
            let same = c.iter().zip(&expected).all(|(c, &expected)| c.to_bits() == expected);
            assert!(same, "{m} × {n} × {k} on {isa}");
        }
    }
}
