//! What a plan decides, of which no bit tells: how a product is cut, and what is prefetched.

use super::*;
use crate::dense::{Moments, Weights, backward_update};
use crate::gemm::prefetch::PREFETCH_DISTANCE;
use crate::gemm::scratch::{Lent, Slot};
use crate::gemm::tests::{check_product, near_and_far, numbers, product_of, welcoming, with_halves};
use crate::gemm::tiles::Tiled;
use crate::isa::walked::skipped;
use crate::machine::Habits;
use crate::optimiser::Rule;
use crate::{MatMut, MatRef, PackedB};

/// A B in L3, where that is near and where it is not: the same bits, of another plan.
#[test]
fn a_right_hand_side_in_l3_is_read_at_its_depth_where_that_is_near() {
    let Some(tables) = near_and_far::<f32>() else { return };
    for (m, n, stride) in [(1, 1100, 1104), (8, 1100, 1104), (47, 1024, 1024)] {
        check_product(&tables, (m, n, 701), stride, End::Stored);
    }
    let (k, n) = (1000, caches().l2 / 4000 / 16 * 16 + 16);
    if caches().l3 < 4 * caches().l2 {
        return skipped("the plans, as L3 is no four times L2 here");
    }
    let (a, b) = (vec![0.0; 8 * k], vec![0.0; k * n]);
    let views = (MatRef::new(&a, 8, k).unwrap(), MatRef::new(&b, k, n).unwrap());
    let product = product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap());
    let [near, far] = tables.map(|table| product.plan(table, &Team::serial(), Destination::C));
    assert!(near.kc > far.kc, "at its depth, and a block at a time: {} and {}", near.kc, far.kc);
    assert_eq!([near.prefetch.b_rows, far.prefetch.b_rows], [PREFETCH_DISTANCE; 2], "prefetched either way");
}

/// An A beyond L2, against strips of a B in L3: the same bits, of more strips a job where L3 is near.
#[test]
fn a_large_left_hand_side_meets_more_strips_where_l3_is_near() {
    let Some(tables) = near_and_far::<f32>() else { return };
    check_product(&tables, (600, 300, 1000), 304, End::Stored);
    if caches().l3 < 16 * caches().l2 {
        return skipped("the plans, as L3 is no sixteen times L2 here");
    }
    let (m, k, n) = (6 * caches().l2 / 4096, 1024, 2048);
    let (a, b) = (vec![0.0; m * k], vec![0.0; k * n]);
    let views = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, k, n).unwrap());
    let product = product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap());
    let [near, far] = tables.map(|table| product.plan(table, &Team::serial(), Destination::C));
    assert!(near.job_cols > far.job_cols, "{} and {} columns", near.job_cols, far.job_cols);
    assert!(k * near.job_cols * 4 <= PACKED_BYTES / 2, "no more scratch than that");
}

/// An A beyond L2, on three threads: the same bits, of jobs along the strips of rows that L2 keeps, where L3 is not near.
#[test]
fn threads_share_a_large_left_hand_side_by_rows_where_l3_is_far() {
    let Some(tables) = near_and_far::<f32>() else { return };
    let (k, n, team) = (256, 200, welcoming(3));
    let in_half_of_l2 = caches().l2 / 2 / (4 * k);
    let m = 3 * in_half_of_l2 + 37;
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let views = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, k, n).unwrap());
    let [near, far] = tables.map(|table| {
        let mut c = vec![f32::NAN; m * n];
        let product = product_of(views, End::Stored, MatMut::new(&mut c, m, n).unwrap());
        let plan = product.plan(table, &team, Destination::C);
        assert!(plan.pack_b == PackB::InPlace, "jobs read B in place");
        product.run_planned(table, &team, Destination::C, None);
        (plan, c)
    });
    assert_eq!((near.0.jobs_row_major, far.0.jobs_row_major), (false, true));
    assert!(far.0.job_rows <= in_half_of_l2, "{} rows, {in_half_of_l2} stay", far.0.job_rows);
    assert!(near.1 == far.1 && near.1.iter().all(|c| c.is_finite()), "the same bits");
}

/// How a plan shares packed strips among two threads: in jobs that are as many for both.
#[test]
fn strips_and_rows_are_shared_evenly() {
    let team = welcoming(2);
    for isa in with_halves() {
        let table = TileTable::<f32>::of(isa);
        let plan = |m: usize, n: usize, k: usize| {
            let (a, unused, b) = (vec![0.0; m * k], vec![0.0; n * k], PackedB::<f32>::zeros(k, n));
            let views = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&unused, k, n).unwrap());
            let product =
                Product { b: b.right(), ..product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap()) };
            product.plan(table, &team, Destination::C)
        };
        let cut = |m, n, k| {
            let plan = plan(m, n, k);
            (plan.strip_cols / table.lanes(), m.div_ceil(plan.job_rows))
        };
        assert_eq!(cut(32, 128, 784), (4, 1), "{isa:?}: two strips, not three");
        assert_eq!(cut(64, 288, 784), (3, 2), "{isa:?}: six strips, not five");
        assert_eq!(cut(256, 576, 512), (4, 2), "{isa:?}: eighteen jobs, not nine");
        assert_eq!(cut(128, 64, 784), (4, 4), "{isa:?}: four jobs, not five");
        assert_eq!(plan(100, 192, 784).job_rows, 25, "{isa:?}: rows are cut anywhere");
        let shallow = plan(32, 4096, 32);
        assert!(
            shallow.tiles_row_major && shallow.job_cols <= 2048,
            "{isa:?}: {} columns are shared",
            shallow.job_cols
        );
        let deep = plan(512, 1152, 1024);
        assert!(1152_usize.div_ceil(deep.job_cols).is_multiple_of(2), "{isa:?}: {} columns", deep.job_cols);
    }
}

/// Which columns are computed as rows, by what squares of A and vectors along few columns cost.
#[test]
fn few_columns_are_told_from_many() {
    let Some([table, _]) = near_and_far::<f32>() else { return };
    let first_at = |table, m: usize, n: usize, k: usize, by_columns: bool| {
        let (a, b) = (vec![0.0; m * k], vec![0.0; k * n]);
        let a = if by_columns { MatRef::new(&a, k, m).unwrap().t() } else { MatRef::new(&a, m, k).unwrap() };
        let views = (a, MatRef::new(&b, k, n).unwrap());
        product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap()).first_of_few(table)
    };
    let first = |m, n, k, by_columns| first_at(table, m, n, k, by_columns);
    assert_eq!(first(128, 10, 128, false), Some(0));
    assert_eq!(first(100, 17, 100, false), Some(16));
    assert_eq!(first(784, 26, 128, true), Some(16));
    assert_eq!([13, 14, 16, 32].map(|n| first(64, n, 64, false)), [None; 4], "vectors are full, or nearly");
    assert_eq!([first(15, 10, 128, false), first(20, 10, 200, false)], [None; 2], "squares are not");
    let habits = Habits { shuffles_on_multipliers: true, ..Habits::default() };
    let shuffles: &TileTable<f32> = Box::leak(Box::new(f32::table_for(table.isa, habits)));
    assert_eq!(first(128, 25, 128, false), Some(16));
    assert_eq!(first_at(shuffles, 128, 25, 128, false), None, "another vector is cheap there beside a whole one");
    assert_eq!(first_at(shuffles, 300, 60, 300, false), None);
    assert_eq!(first_at(shuffles, 128, 9, 128, false), Some(0), "but not alone, ");
    assert_eq!(first_at(shuffles, 128, 10, 128, false), None, "unless many of its lanes are filled, ");
    assert_eq!(first_at(shuffles, 128, 10, 512, false), Some(0), "and the way through scratch counts");
    assert_eq!(first_at(shuffles, 500, 67, 300, false), Some(64), "nor where strips would be narrower for it");
    for table in [table, shuffles] {
        assert_eq!(
            [64, 16].map(|m| first_at(table, m, 33, 33, true)),
            [Some(32); 2],
            "few multiplications are fewer still as rows"
        );
        assert_eq!(
            [first_at(table, 16, 17, 8, true), first_at(table, 20, 28, 8, true)],
            [None; 2],
            "but for the way through scratch"
        );
    }
    assert_eq!([table, shuffles].map(|table| first_at(table, 200, 28, 100, true)), [Some(16), None], "a cheap vector");
}

/// What a plan decides that no bit tells: strips a vector narrower where fewer tiles fetch B then, and the next block prefetched.
#[test]
fn plans_spare_a_far_right_hand_side() {
    let serial = Team::serial();
    let (n, k) = (400, 500);
    let (a, b) = (numbers::<f32>(60 * k, 1), numbers::<f32>(k * n, 2));
    let b = MatRef::new(&b, k, n).unwrap();
    for isa in with_halves() {
        let table = TileTable::<f32>::of(isa);
        let width = |m: usize, depth: usize| {
            let (a, b) = (MatRef::new(&a[..m * depth], m, depth).unwrap(), b.rows_range(0..depth));
            let product = product_of((a, b), End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap());
            product.plan(table, &serial, Destination::C).strip_cols / table.lanes()
        };
        let narrow = |m| width(m, k);
        assert_eq!([6, 7, 8, 12, 13, 16, 18].map(narrow), [4, 3, 3, 4, 3, 3, 4], "{isa:?}");
        assert_eq!(width(8, 10), 4, "{isa:?}: L1 keeps a strip");
    }
    let rows = caches().l2 / size_of::<f32>() / n + 1;
    let packed = PackedB::<f32>::zeros(rows, n);
    let near = PackedB::<f32>::zeros(rows / 2, n);
    let prefetches = |b: &PackedB<f32>, team: &Team| {
        let (a, unused) = (vec![0.0; 200 * b.rows()], vec![0.0; b.rows() * n]);
        let views = (MatRef::new(&a, 200, b.rows()).unwrap(), MatRef::new(&unused, b.rows(), n).unwrap());
        let product =
            Product { b: b.right(), ..product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap()) };
        product.plan(TileTable::current(), team, Destination::C).prefetch.next_block
    };
    assert_eq!(prefetches(&packed, &serial), cfg!(target_arch = "x86_64"));
    assert!(!prefetches(&near, &serial), "L2 keeps it");
    assert!(!prefetches(&packed, &welcoming(2)), "another thread may read the next block");
}

/// Where lines of L2 are waited for, rows of a strip that L1 does not keep are prefetched, wherever they lie; and the chains are the same.
#[test]
fn strips_that_come_from_l2_are_prefetched() {
    let waits = Habits { waits_for_l2: true, ..Habits::default() };
    let deep = 3 * caches().l1d / size_of::<f32>() / 64;
    let (a, b) = (numbers::<f32>(100 * deep, 1), numbers::<f32>(deep * 128, 2));
    for isa in with_halves() {
        let rows_under = |m: usize, habits, depth: usize| {
            let table: &TileTable<f32> = Box::leak(Box::new(f32::table_for(isa, habits)));
            let views = (MatRef::new(&a[..m * deep], m, deep).unwrap(), MatRef::new(&b, deep, 128).unwrap());
            let product = product_of(views, End::Stored, MatMut::new(&mut [0.0], 1, 1).unwrap());
            let packed = PackedB::<f32>::zeros(depth, 128);
            let product = Product { k: depth, b: packed.right(), ..product };
            product.plan(table, &Team::serial(), Destination::C).prefetch.b_rows
        };
        let rows = |habits, depth| rows_under(100, habits, depth);
        assert_eq!(rows(waits, deep), PREFETCH_DISTANCE, "{isa:?}");
        assert_eq!(rows_under(2, waits, deep), 0, "{isa:?}: bandwidth binds few rows");
        assert_eq!(rows(waits, deep / 4), 0, "{isa:?}: L1 keeps a strip");
        assert_eq!(rows(Habits::default(), deep), 0, "{isa:?}: this CPU does not wait");
        let tables = [&*Box::leak(Box::new(f32::table_for(isa, waits)))];
        for (n, end) in [(128, End::Stored), (100, End::Stored), (128, End::AddScaled(-0.3))] {
            check_product(&tables, (70, n, deep), n, end);
            check_product(&tables, (70, n, deep), 1024, end);
        }
    }
}

/// An update by a gradient of zeros, which goes through scratch in parts, as any other.
#[test]
fn a_batch_of_no_rows_takes_no_scratch_as_large_as_the_weights() {
    let (inputs, outputs) = (600, 700);
    let weights = numbers::<f32>(inputs * outputs, 1);
    let kept_after = |(x_strides, dz_strides): ((usize, usize), (usize, usize))| {
        let mut w = Weights::from_rows(MatRef::new(&weights, outputs, inputs).unwrap(), true);
        let mut moments = Moments::zeros_like(&w, Rule::ADAM);
        let x = MatRef::with_strides(&[], 0, inputs, x_strides.0, x_strides.1).unwrap();
        let dz = MatRef::with_strides(&[], 0, outputs, dz_strides.0, dz_strides.1).unwrap();
        let step = Rule::ADAM.step(0.1, 0.0, 1, 1.0);
        backward_update(&Team::serial(), x, dz, &mut w, &mut moments, &step).unwrap();
        assert_eq!(w.to_rows(), weights, "by nothing");
        let mut kept = Lent::<f32>::none(Slot::C);
        kept.grow(0);
        size_of_val(kept.as_mut())
    };
    for strides in [((inputs, 1), (outputs, 1)), ((1, 2), (1, 3)), ((5000, 3), (5000, 2)), ((1, 1024), (1, 1024))] {
        let kept = std::thread::scope(|scope| scope.spawn(|| kept_after(strides)).join().unwrap());
        assert!(kept > 0 && kept <= size_of_val(&weights[..]) / 4, "{kept} bytes for a part of C, {strides:?}");
    }
}
