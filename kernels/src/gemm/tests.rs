//! Micro-kernels that a CPU or a shape may pass by: the chains are the same. A CPU's habits decide which of a tier's
//! tables it takes and what it does about vectors across lines; and B is packed on the way where its rows alias in a cache.

use super::outer::Order;
use super::*;
use crate::isa::walked::{fused, walked};
use crate::machine::Habits;
use crate::{AlignedVec, PackedB};

/// Numbers between −1 and 1 whose products are not exact.
pub(super) fn numbers<T: Element>(len: usize, seed: usize) -> Vec<T> {
    (0..len).map(|i| T::from_f64(((i + seed) * 40_503 % 65_521) as f64 / 32_761.0 - 1.0)).collect()
}

/// A team that sends for its helpers for any work that may be shared, once: as if much had been done alone.
pub(super) fn welcoming(threads: usize) -> Team {
    let team = Team::new(threads);
    team.done_alone(usize::MAX / 2);
    team
}

/// The tiers with vectors twice as wide as another's: AVX-512.
pub(super) fn with_halves() -> Vec<Isa> {
    walked(|isa| isa.half().is_some())
}

/// C = A B, or what `end` says, on a table.
fn multiply_at<T: Element>(
    table: &'static TileTable<T>,
    (a, b): (MatRef<'_, T>, MatRef<'_, T>),
    end: End<T>,
    c: MatMut<'_, T>,
) {
    product_of((a, b), end, c).run(table, &Team::serial(), Destination::C, None);
}

/// The product of these operands, all factors 1.
pub(super) fn product_of<T: Element>(
    (a, b): (MatRef<'_, T>, MatRef<'_, T>),
    end: End<T>,
    mut c: MatMut<'_, T>,
) -> Product<T> {
    let (shape, to) = ([a.rows(), b.cols(), a.cols()], Output::from(&mut c));
    // SAFETY: the views vouch for the operands, and C is borrowed exclusively; a C of another shape is never run.
    unsafe { Product::new(a.into(), b.into(), to, Start::Zero, shape) }.ending(end)
}

/// Every height of a tile, every tail of a strip and what may follow it, and k around the steps that go row by row.
fn check_tables<T: Element>() {
    for isa in with_halves() {
        let habits = [
            Habits::default(),
            Habits { executes_in_halves: true, ..Habits::default() },
            Habits { loads_more_halves: true, ..Habits::default() },
        ];
        let tables: [&TileTable<T>; 3] = habits.map(|habits| &*Box::leak(Box::new(T::table_for(isa, habits))));
        let heights = (1..=17).flat_map(|m| [1, 2, 3, 4, 5, 33].map(|k| (m, k)));
        for (m, k) in heights.chain([(40, 7), (97, 65)]) {
            for n in (1..=20).chain([24, 31, 40, 63, 64, 65, 72, 100, 136]) {
                for end in [End::Stored, End::AddScaled(T::from_f64(-0.3))] {
                    check_product(&tables, (m, n, k), n, end);
                }
            }
        }
    }
}

/// The rows of B are `stride` apart, those of C `n`; both begin an element past a line.
pub(super) fn check_product<T: Element>(
    tables: &[&'static TileTable<T>],
    shape: (usize, usize, usize),
    stride: usize,
    end: End<T>,
) {
    check_product_past_lines(tables, shape, stride, end, (1, 1));
}

/// The same, B and C so many elements past a line.
fn check_product_past_lines<T: Element>(
    tables: &[&'static TileTable<T>],
    (m, n, k): (usize, usize, usize),
    stride: usize,
    end: End<T>,
    (b_past, c_past): (usize, usize),
) {
    let (a, before) = (numbers::<T>(m * k, 1), numbers::<T>(m * n, 3));
    let room = numbers::<T>(k * stride + 2 * T::LINE, 2);
    let b = &room[room.as_ptr().align_offset(64) + b_past..];
    let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::with_row_stride(b, k, n, stride).unwrap());
    for table in tables {
        let mut room = vec![T::ZERO; m * n + 2 * T::LINE];
        let first = room.as_ptr().align_offset(64) + c_past;
        let c = &mut room[first..][..m * n];
        c.copy_from_slice(&before);
        multiply_at(table, (a, b), end, MatMut::new(c, m, n).unwrap());
        for (at, (&c, &before)) in c.iter().zip(&before).enumerate() {
            let (i, j) = (at / n, at % n);
            let sum = (0..k).fold(T::ZERO, |sum, p| a.get(i, p).mul_add(b.get(p, j), sum));
            let expected = match end {
                End::Stored => sum,
                End::AddScaled(factor) => factor.mul_add(sum, before),
            };
            assert_eq!(
                c.to_bits64(),
                expected.to_bits64(),
                "({i}, {j}) of {m} × {n} × {k}, {end:?}, {:?}",
                table.habits
            );
        }
    }
}

#[test]
fn vectors_whole_or_in_halves_give_the_same_bits() {
    check_tables::<f32>();
    check_tables::<f64>();
}

/// Heights around those of the tile that packs, strips that it takes and strips that it does not, k in one block and (where L2 has 1 MB) in two.
fn check_packing<T: Element>() {
    // The portable tier may round twice.
    let tables: Vec<&TileTable<T>> = fused().into_iter().map(TileTable::of).collect();
    for m in [48, 49, 53, 100] {
        for n in [64, 128, 192, 200] {
            for k in [40, 1100] {
                for end in [End::Stored, End::AddScaled(T::from_f64(-0.3))] {
                    check_product(&tables, (m, n, k), 1024, end);
                }
            }
        }
    }
    // Too few rows to pack it, and too deep for its sets.
    check_product(&tables, (31, 100, 600), 1024, End::Stored);
}

#[test]
fn packing_on_the_way_changes_nothing() {
    check_packing::<f32>();
    check_packing::<f64>();
}

/// Heights below and above those that are worth packing a B off the lines, its rows prefetched or packed, few rows of any depth whose B
/// is off the lines at each row in the same place, and shallow products whose B or C is, on any CPU.
fn check_split_lines<T: Element>() {
    for isa in fused() {
        let habits = Habits { waits_for_split_lines: true, ..Habits::default() };
        let tables: [&TileTable<T>; 1] = [Box::leak(Box::new(T::table_for(isa, habits)))];
        for m in [1, 5, 12, 33, 70] {
            for n in [64, 100, 256] {
                check_product(&tables, (m, n, 400), 401, End::Stored);
            }
            check_product(&tables, (m, 130, 600), 144, End::Stored);
            check_product(&tables, (m, 433, 100), 448, End::Stored);
            for end in [End::Stored, End::AddScaled(T::from_f64(-0.3))] {
                check_product(&tables, (60 + m, 640, 20), 641, end);
                for past in [(0, 3), (3, 0), (2, 5), (5, 2)] {
                    check_product_past_lines(&tables, (m, 640, 20), 640, end, past);
                    check_product_past_lines(&tables, (m, 448, 90), 448, end, past);
                }
                check_product(&tables, (100 + m, 272, 20), 272, end);
                check_product(&tables, (100 + m, 272, 10), 272, end);
                check_product(&tables, (191 + m, 272, 14), 272, end);
            }
        }
    }
}

#[test]
fn lines_that_split_change_nothing() {
    check_split_lines::<f32>();
    check_split_lines::<f64>();
}

/// Few rows against a B beyond L2, wherever it begins, with factors and a team, packed on the way or beforehand; in strips narrower than
/// usual; and in strips of a line that are packed for L1's sake.
fn check_streams<T: Element>() {
    let shapes = [
        (1, 1100, 701, 1104),
        (8, 1100, 701, 1104),
        (47, 600, 1000, 705),
        (2, 135, 70, 144),
        (200, 33, 300, 304),
        (54, 500, 1100, 501),
        (20, 509, 1100, 528),
        (14, 300, 250, 300),
    ];
    for ((m, n, k, stride), off) in shapes.into_iter().flat_map(|shape| [(shape, 0), (shape, 1)]) {
        let (a, room) = (numbers::<T>(m * k, 1), numbers::<T>(k * stride + 2 * T::LINE, 2));
        let before = numbers::<T>(m * n, 3);
        let b = &room[room.as_ptr().align_offset(64) + off..];
        let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::with_row_stride(b, k, n, stride).unwrap());
        for (alpha, beta) in [(1.0, 1.0), (0.7, -0.3)].map(|(alpha, beta)| (T::from_f64(alpha), T::from_f64(beta))) {
            let sum = |at: usize| {
                let (i, j) = (at / n, at % n);
                (0..k).fold(beta * before[at], |sum, p| (alpha * a.get(i, p)).mul_add(b.get(p, j), sum)).to_bits64()
            };
            let expected: Vec<u64> = (0..m * n).map(sum).collect();
            if alpha == T::ONE && Isa::current() != Isa::Portable {
                let mut c = before.clone();
                let to = MatMut::new(&mut c, m, n).unwrap();
                gemm_packed(&Team::serial(), a, &PackedB::new(b), beta, to).unwrap();
                let same = c.iter().zip(&expected).all(|(c, &expected)| c.to_bits64() == expected);
                assert!(same, "{m} × {n} × {k}, B packed beforehand");
            }
            for isa in fused() {
                for team in [Team::serial(), welcoming(2)] {
                    let mut c = before.clone();
                    gemm_at(isa, &team, alpha, a, b, beta, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                    let same = c.iter().zip(&expected).all(|(c, &expected)| c.to_bits64() == expected);
                    assert!(same, "{m} × {n} × {k}, B {off} off a line, {isa:?}");
                }
            }
        }
    }
}

#[test]
fn a_streaming_right_hand_side_changes_nothing() {
    check_streams::<f32>();
    check_streams::<f64>();
}

/// Tables of the tier with vectors that are lines, on CPUs with a near L3 and without.
pub(super) fn near_and_far<T: Element>() -> Option<[&'static TileTable<T>; 2]> {
    let isa = with_halves().into_iter().next()?;
    Some(
        [true, false]
            .map(|has_near_l3| &*Box::leak(Box::new(T::table_for(isa, Habits { has_near_l3, ..Habits::default() })))),
    )
}

/// A strip that needs no plan, of B in place or packed, is seen by its epilogue once, as a whole; the same bits on every tier.
#[test]
fn a_strip_without_a_plan_gives_the_same_bits() {
    fn check<T: Element>() {
        let tables: Vec<_> = walked(|isa| isa.fuses()).into_iter().map(TileTable::<T>::of).collect();
        for (m, n, k) in [(48, 4 * T::LINE, 48), (100, 2 * T::LINE, 90), (331, T::LINE, 61), (700, T::LINE, 16)] {
            for end in [End::Stored, End::AddScaled(T::from_f64(-0.5))] {
                check_product(&tables, (m, n, k), n, end);
            }
        }
        let (m, n, k) = (100, T::LINE, 90);
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        let views = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, k, n).unwrap());
        let packed = PackedB::new(views.1);
        for table in tables {
            let mut c = vec![T::ZERO; m * n];
            let product = product_of(views, End::Stored, MatMut::new(&mut c, m, n).unwrap());
            let product = Product { b: packed.right(), ..product };
            assert!(product.is_plain_strip(table, &Team::serial()) && !product.is_small(), "{:?}", table.isa);
            assert!(!product.is_plain_strip(table, &Team::new(2)), "somebody may help");
            #[expect(clippy::disallowed_types, reason = "an epilogue may change only what is shared")]
            let seen = std::sync::Mutex::new(Vec::new());
            let epilogue = |block: Block<'_, T>| seen.lock().unwrap().push((block.rows, block.cols));
            product.run(table, &Team::serial(), Destination::C, Some(&epilogue));
            assert_eq!(seen.into_inner().unwrap(), [(0..m, 0..n)]);
            for (at, c) in c.iter().enumerate() {
                let sum = (0..k).fold(T::ZERO, |sum, p| views.0.get(at / n, p).mul_add(views.1.get(p, at % n), sum));
                assert_eq!(c.to_bits64(), sum.to_bits64(), "element {at}, {:?}", table.isa);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Columns of B that are apart, here all in one place, begin nowhere in particular: such a product is not cut again and again.
#[test]
fn columns_apart_are_not_cut_at_lines() {
    let habits = Habits { waits_for_split_lines: true, ..Habits::default() };
    let (n, k) = (100_000, 13);
    let room = numbers::<f32>(k * 16 + 32, 2);
    let b = &room[room.as_ptr().align_offset(64) + 15..];
    let (a, b) = (MatRef::new(&[1.0; 13], 1, k).unwrap(), MatRef::with_strides(b, k, n, 16, 0).unwrap());
    let sum = (0..k).fold(0.0_f32, |sum, p| 1.0_f32.mul_add(b.get(p, 0), sum));
    for isa in fused() {
        let mut c = vec![0.0_f32; n];
        let table = Box::leak(Box::new(f32::table_for(isa, habits)));
        multiply_at(table, (a, b), End::Stored, MatMut::new(&mut c, 1, n).unwrap());
        assert!(c.iter().all(|c| c.to_bits() == sum.to_bits()), "{isa:?}");
    }
}

/// Strides that no step is taken of may be as long as they like.
#[test]
fn a_row_alone_may_have_any_stride() {
    let b = MatRef::with_row_stride(&[1.0_f32, 2.0], 1, 2, usize::MAX).unwrap();
    let mut c = [0.0_f32; 4];
    gemm(2.0, MatRef::new(&[3.0, 4.0], 2, 1).unwrap(), b, 0.0, MatMut::new(&mut c, 2, 2).unwrap()).unwrap();
    assert_eq!(c, [6.0, 12.0, 8.0, 16.0]);
    let (ones, mut sum) = (vec![1.0; 5000], [0.0]);
    let b = MatRef::with_strides(&ones, 5000, 1, 1, usize::MAX).unwrap();
    gemm(1.0, MatRef::new(&ones, 1, 5000).unwrap(), b, 0.0, MatMut::new(&mut sum, 1, 1).unwrap()).unwrap();
    assert_eq!(sum, [5000.0]);
}

/// A shallow product onto packed lines, as weights are updated: they begin where they begin, wherever B does.
#[test]
fn lines_that_split_leave_packed_ones_alone() {
    let (m, n, k) = (70, 160, 14);
    let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n + 32, 2));
    let b = &b[b.as_ptr().align_offset(64) + 1..][..k * n];
    let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::new(b, k, n).unwrap());
    for isa in fused() {
        let habits = Habits { waits_for_split_lines: true, ..Habits::default() };
        let table: &TileTable<f32> = Box::leak(Box::new(f32::table_for(isa, habits)));
        let mut lines = crate::AlignedVec::<f32>::zeros(super::pack::packed_len::<f32>(m, n));
        let mut unused = [0.0];
        let mut product = product_of((a, b), End::AddScaled(-0.3), MatMut::new(&mut unused, 1, 1).unwrap());
        product.c = Output::lines(lines.as_mut_ptr(), m);
        product.run(table, &Team::serial(), Destination::C, None);
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let sum = (0..k).fold(0.0_f32, |sum, p| a.get(i, p).mul_add(b.get(p, j), sum));
            let got = lines[(j / 16 * m + i) * 16 + j % 16];
            assert_eq!(got.to_bits(), (-0.3_f32).mul_add(sum, 0.0).to_bits(), "({i}, {j}), {isa:?}");
        }
    }
}

/// Few columns against a transposed A are rows against A as it lies; more meet its columns in place, which are prefetched.
#[test]
fn columns_of_a_in_place_give_the_same_bits() {
    let shapes = [
        (12, 2, 180),
        (400, 3, 7),
        (333, 2, 9),
        (50, 3, 61),
        (64, 15, 128),
        (17, 5, 99),
        (30, 16, 320),
        (203, 40, 150),
        (203, 100, 150),
    ];
    for ((m, n, k), alpha) in shapes.into_iter().flat_map(|shape| [(shape, 1.0), (shape, 0.7)]) {
        // What lies between the rows of C stays as it is.
        let apart = n + 3;
        let (a, b, before) = (numbers::<f32>(k * m, 1), numbers::<f32>(k * n, 2), numbers::<f32>(m * apart, 3));
        let (a, b) = (MatRef::new(&a, k, m).unwrap().t(), MatRef::new(&b, k, n).unwrap());
        for isa in fused() {
            let mut c = before.clone();
            let to = MatMut::with_row_stride(&mut c, m, n, apart).unwrap();
            gemm_at(isa, &Team::serial(), alpha, a, b, -0.3, to).unwrap();
            for (at, (&c, &before)) in c.iter().zip(&before).enumerate() {
                let (i, j) = (at / apart, at % apart);
                let sum =
                    (0..k).fold(-0.3 * before, |sum, p| (alpha * a.get(i, p)).mul_add(b.get(p, j.min(n - 1)), sum));
                let expected = if j < n { sum } else { before };
                assert_eq!(c.to_bits(), expected.to_bits(), "({i}, {j}) of {m} × {n} × {k}, {isa:?}");
            }
        }
    }
}

/// So many rows of few columns that they go through scratch in parts.
#[test]
fn a_transposed_b_in_parts_gives_the_same_bits() {
    let (m, n, k, apart) = (70_001, 4, 128, 7);
    let (a, b, before) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2), numbers::<f32>(m * apart, 3));
    let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, n, k).unwrap().t());
    for isa in fused() {
        let mut c = before.clone();
        let to = MatMut::with_row_stride(&mut c, m, n, apart).unwrap();
        gemm_at(isa, &Team::serial(), 0.7, a, b, -0.3, to).unwrap();
        for (at, (&c, &before)) in c.iter().zip(&before).enumerate() {
            let (i, j) = (at / apart, at % apart);
            let sum = || (0..k).fold(-0.3 * before, |sum, p| (0.7 * a.get(i, p)).mul_add(b.get(p, j), sum));
            let expected = if j < n { sum() } else { before };
            assert_eq!(c.to_bits(), expected.to_bits(), "({i}, {j}), {isa:?}");
        }
    }
}

/// A few outer products onto rows of C that begin in one place between two lines, in two, four or anywhere, with B as it is, copied and packed,
/// shared and not.
#[test]
fn outer_products_give_the_same_bits() {
    let teams = [Team::serial(), Team::new(3)];
    let shapes = [(70, 129, 1), (33, 301, 2), (41, 500, 3), (57, 261, 4), (7, 9001, 2), (1500, 700, 1), (64, 2100, 4)];
    for ((m, n, k), beta, gap) in shapes
        .into_iter()
        .flat_map(|shape| [0.0, 1.0, -0.3].map(|beta| (shape, beta)))
        .flat_map(|(shape, beta)| [1, 4, 8, 16].map(|unit| (shape, beta, unit)))
        .map(|(shape, beta, unit)| (shape, beta, (shape.1 + 3_usize).next_multiple_of(unit) - shape.1))
    {
        let (apart, alpha) = (n + gap, 0.7);
        let (a, b, before) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2), numbers::<f32>(m * apart, 3));
        let b = MatRef::new(&b, k, n).unwrap();
        let packed = PackedB::new(b);
        let columns: Vec<f32> = (0..m * k).map(|at| a[at % m * k + at / m]).collect();
        let sides = [MatRef::new(&a, m, k).unwrap(), MatRef::new(&columns, k, m).unwrap().t()];
        let chain = |at: usize| {
            let (i, j, before) = (at / apart, at % apart, before[at]);
            let first = if beta == 0.0 { 0.0 } else { beta * before };
            let sum = || (0..k).fold(first, |sum, p| (alpha * sides[0].get(i, p)).mul_add(b.get(p, j), sum));
            if j < n { sum() } else { before }
        };
        let expected: Vec<u32> = (0..m * apart).map(|at| chain(at).to_bits()).collect();
        let check = |c: &[f32], how: &str| {
            let wrong = c.iter().zip(&expected).position(|(c, &expected)| c.to_bits() != expected);
            assert_eq!(wrong.map(|at| (at / apart, at % apart)), None, "{m} × {n} × {k}, {apart} apart, {how}");
        };
        let own: Vec<f32> = a.iter().map(|a| alpha * a).collect();
        for isa in fused() {
            for (team, (side, a)) in
                [0, 1].into_iter().flat_map(|team| sides.iter().enumerate().map(move |a| (team, a)))
            {
                let mut c = before.clone();
                let to = MatMut::with_row_stride(&mut c, m, n, apart).unwrap();
                gemm_at(isa, &teams[team], alpha, *a, b, beta, to).unwrap();
                check(&c, &format!("{isa}, team {team}, side {side}"));
            }
            let mut c = before.clone();
            let to = MatMut::with_row_stride(&mut c, m, n, apart).unwrap();
            let mut product = product_of((MatRef::new(&own, m, k).unwrap(), b), End::Stored, to);
            product.b = packed.right();
            product.start = if beta == 0.0 { Start::Zero } else { Start::Scaled(beta) };
            product.run(TileTable::of(isa), &teams[1], Destination::C, None);
            check(&c, &format!("{isa}, packed"));
        }
    }
}

/// … and how their rows are taken, by where those of C begin.
#[test]
fn outer_products_copy_b_for_every_place_where_rows_begin() {
    let rows_of = |(m, n, k): (usize, usize, usize), apart: usize, off: usize| {
        let (a, b) = (vec![0.0_f32; m * k], AlignedVec::<f32>::zeros(k * n + 16));
        let mut c = AlignedVec::<f32>::zeros(m * apart + 16);
        let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b[off..][..k * n], k, n).unwrap());
        let product =
            product_of((a, b), End::Stored, MatMut::with_row_stride(&mut c[..m * apart], m, n, apart).unwrap());
        assert!(product.is_outer());
        product.outer_rows()
    };
    let copied = |alignments| Order::InPairs { alignments, copied: true };
    let neighbours = Order::InPairs { alignments: 1, copied: false };
    assert_eq!(rows_of((100, 128, 2), 128, 0), neighbours, "B lies as C does");
    assert_eq!(rows_of((100, 128, 2), 128, 4), copied(1));
    assert_eq!(rows_of((100, 128, 1), 128, 4), copied(1));
    assert_eq!(rows_of((100, 100, 3), 104, 0), copied(2));
    assert_eq!(rows_of((100, 100, 3), 100, 0), copied(4));
    assert_eq!(rows_of((40, 100, 3), 100, 0), neighbours, "too few rows for four copies");
    assert_eq!(rows_of((100, 100, 3), 102, 0), neighbours, "too many alignments");
    assert_eq!(rows_of((100, 100, 1), 100, 0), Order::Singly);
}

#[test]
fn parts_of_rows_are_equal_but_for_a_line() {
    for line in [8, 16] {
        for (m, parts) in (line..700).flat_map(|m| [2, 3, 4, 7, 8, 40].map(|parts| (m, parts.min(m / line)))) {
            let parts_of = |part: usize| part::row_part(m, line, part, parts);
            let all: Vec<usize> = (0..parts).flat_map(parts_of).collect();
            assert!(all.into_iter().eq(0..m), "every row of {m} in one of {parts} parts");
            for rows in (0..parts).map(parts_of) {
                assert!(rows.start.is_multiple_of(line) && !rows.is_empty());
                assert!(rows.len().abs_diff(m / parts) <= line, "{rows:?} of {m} in {parts} parts");
            }
        }
    }
}

/// Products with a few last columns, of which each thread has rows of its own: every row is somebody's, and the chains are the same.
#[test]
fn rows_that_are_shared_before_they_are_cut_give_the_same_bits() {
    for (m, n, k) in [(130, 90, 90), (101, 17, 700), (400, 10, 300), (783, 20, 128), (2600, 100, 200), (37, 66, 1000)] {
        let (a, b, before) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2), numbers::<f32>(m * n, 3));
        let b = MatRef::new(&b, k, n).unwrap();
        for a in [MatRef::new(&a, m, k).unwrap(), MatRef::new(&a, k, m).unwrap().t()] {
            for beta in [0.0, -0.3] {
                let chain = |at: usize| {
                    let (i, j, first) = (at / n, at % n, if beta == 0.0 { 0.0 } else { beta * before[at] });
                    (0..k).fold(first, |sum, p| a.get(i, p).mul_add(b.get(p, j), sum)).to_bits()
                };
                let expected: Vec<u32> = (0..m * n).map(chain).collect();
                for (isa, threads) in
                    Isa::available().into_iter().flat_map(|isa| [2, 3, 7].map(|threads| (isa, threads)))
                {
                    if !isa.fuses() {
                        continue;
                    }
                    let mut c = before.clone();
                    gemm_at(isa, &welcoming(threads), 1.0, a, b, beta, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                    let same = c.iter().zip(&expected).all(|(c, &expected)| c.to_bits() == expected);
                    assert!(same, "{m} × {n} × {k} on {isa}, {threads} threads");
                }
            }
        }
    }
}

/// No outer product at all is none of the few: nothing is read.
#[test]
fn no_steps_give_zeros() {
    let (m, n) = (100, 200);
    let (a, b) = (MatRef::new(&[], m, 0).unwrap(), MatRef::new(&[], 0, n).unwrap());
    let mut c = numbers::<f32>(m * n, 1);
    assert!(!product_of((a, b), End::Stored, MatMut::new(&mut c, m, n).unwrap()).is_outer());
    multiply_at(TileTable::current(), (a, b), End::Stored, MatMut::new(&mut c, m, n).unwrap());
    assert!(c.iter().all(|&c| c == 0.0));
}

/// A transposed A of so many rows that it is packed in parts, the last of them small enough for a plan of another kind.
#[test]
fn panels_fit_the_parts_of_a_tall_product() {
    for (m, n, k) in [(66_048, 64, 32), (32_768, 128, 64)] {
        let (a, b) = (numbers::<f32>(k * m, 1), numbers::<f32>(k * n, 2));
        let (a, b) = (MatRef::new(&a, k, m).unwrap().t(), MatRef::new(&b, k, n).unwrap());
        for isa in fused() {
            for alpha in [1.0, 0.7] {
                let mut c = vec![0.0; m * n];
                gemm_at(isa, &Team::serial(), alpha, a, b, 0.0, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                for i in (0..m).step_by(997).chain(m - 100..m) {
                    for j in [0, n / 2, n - 1] {
                        let sum = (0..k).fold(0.0_f32, |sum, p| (alpha * a.get(i, p)).mul_add(b.get(p, j), sum));
                        assert_eq!(c[i * n + j].to_bits(), sum.to_bits(), "({i}, {j}) of {m} × {n} × {k}, {isa:?}");
                    }
                }
            }
        }
    }
}
