//! The product on every shape from nothing to past two tiles, of the widest for few rows, on every tier, through the three gates of the oracle.

use deltarule_kernels::gemm::{PackedB, gemm_packed};
use deltarule_kernels::machine::{Caches, caches};
use deltarule_kernels::{Element, Isa, MatMut, MatRef, Team, gemm};
use deltarule_tests::matrix::{Matrix, Order, poison};
use deltarule_tests::product::Product;
use deltarule_tests::random::Random;
use deltarule_tests::teams::welcoming;
use deltarule_tests::tiers;

/// Lengths of the sums around what loops unroll by; the sweep samples them.
const DEPTHS: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 40];
/// Twice the tallest tile plus one, and twice the widest plus one of those that six rows and more get: four vectors of 16 lanes.
const TALL: usize = 2 * 16 + 1;
const WIDE: usize = 2 * 64 + 1;
/// Rows that get wider tiles, and twice the widest of them plus one: eight vectors of 16 lanes.
const FEW: usize = 5;
const WIDEST: usize = 2 * 128 + 1;
/// The depths that they all have.
const DEPTHS_OF_FEW: [usize; 3] = [1, 18, 40];

fn sweep<T: Element>(tall: usize, wide: usize) {
    for isa in tiers::all() {
        let mut random = Random::new(1);
        for (m, n) in (0..=tall).flat_map(|m| (0..=wide).map(move |n| (m, n))) {
            let k = random.pick(&DEPTHS);
            Product::<T>::random(m, n, k, &mut random).check(isa, &Team::serial());
        }
    }
}

#[test]
fn every_edge_f32() {
    sweep::<f32>(TALL, WIDE);
    sweep::<f32>(WIDE, TALL);
}

#[test]
fn every_edge_f64() {
    sweep::<f64>(TALL, WIDE / 2 + 1);
    sweep::<f64>(WIDE / 2 + 1, TALL);
}

/// Few rows, against whole widths of their tiles.
fn few_rows<T: Element>(widest: usize) {
    for isa in tiers::all() {
        let mut random = Random::new(10);
        for (m, n) in (0..=FEW).flat_map(|m| (0..=widest).map(move |n| (m, n))) {
            for k in DEPTHS_OF_FEW {
                Product::<T>::random(m, n, k, &mut random).check(isa, &Team::serial());
            }
        }
    }
}

#[test]
fn every_edge_of_few_rows() {
    few_rows::<f32>(WIDEST);
    few_rows::<f64>(WIDEST / 2 + 1);
}

/// Sizes around the blocks that a large product is cut into: strips of columns, runs of rows, depth.
#[test]
fn around_the_blocks() {
    let shapes = [
        (7, 65, 255),
        (13, 63, 257),
        (50, 130, 512),
        (49, 17, 513),
        (97, 129, 1023),
        (96, 192, 1025),
        (193, 200, 300),
        (5, 1030, 130),
        (1030, 5, 130),
        (1, 300, 2050),
        (300, 1, 2050),
        (3, 3, 20_000),
        (2, 700, 1),
        (64, 64, 4096),
        (140, 130, 1000),
    ];
    let team = Team::new(3);
    for isa in tiers::all() {
        let mut random = Random::new(2);
        for (m, n, k) in shapes {
            for _ in 0..2 {
                let product = Product::<f32>::random(m, n, k, &mut random);
                product.check(isa, &Team::serial());
                product.check(isa, &team);
                Product::<f64>::random(m, n, k, &mut random).check(isa, &team);
            }
        }
    }
}

/// What is multiplied row by row across all strips: products of little depth (one has a C that is far), a row against a large B.
#[test]
fn shallow_and_wide() {
    let shapes =
        [(70, 300, 5), (33, 1025, 8), (31, 384, 6), (260, 130, 32), (25, 2000, 31), (1030, 1040, 3), (1, 2200, 1000)];
    let team = Team::new(3);
    for isa in tiers::all() {
        let mut random = Random::new(7);
        for (m, n, k) in shapes {
            for _ in 0..2 {
                let product = Product::<f32>::random(m, n, k, &mut random);
                product.check(isa, &Team::serial());
                product.check(isa, &team);
                Product::<f64>::random(m, n, k, &mut random).check(isa, &team);
            }
        }
    }
}

/// B column by column under few rows: turned on the way or packed, as the shape decides; in parts that are narrower than the product,
/// and at strides that fold. And the same the other way round, where C is turned, and a factor of A is one of what then is B.
fn against_columns<T: Element>() {
    for isa in tiers::all() {
        let mut random = Random::new(5);
        let mut check = |m, n, k, gap, (alpha, beta): (f64, f64)| {
            let mut matrix = |rows, cols, order| Matrix::new(rows, cols, order, |_, _| T::from_f64(random.uniform()));
            let (few, many) = (matrix(m, k, Order::Rows(0)), matrix(k, n, Order::Columns(gap)));
            let before = matrix(m, n, Order::Rows(1));
            let (alpha, beta) = (T::from_f64(alpha), T::from_f64(beta));
            Product { alpha, a: few, b: many, beta, before, whole: false }.check(isa, &Team::serial());
            let (many, few) = (matrix(n, k, Order::Rows(gap)), matrix(k, m, Order::Rows(0)));
            let before = matrix(n, m, Order::Columns(1));
            Product { alpha, a: many, b: few, beta, before, whole: false }.check(isa, &Team::serial());
        };
        for m in 1..=14 {
            for (n, k) in [(1, 20), (16, 40), (17, 15), (33, 129), (66, 34), (70, 300)] {
                check(m, n, k, 0, (1.0, -0.7));
                check(m, n, k, 512 - k, (1.0, 1.0));
                check(m, n, k, 3, (0.3, 0.0));
            }
            check(m, 1290, 130, 0, (1.0, -0.7));
        }
    }
}

#[test]
fn few_rows_against_columns() {
    against_columns::<f32>();
    against_columns::<f64>();
}

/// The last columns, which do not fill a line, behind none or some that do: as they are, or as rows, as the shape decides; around whole
/// squares of A; in every orientation of the factors, and of C with gaps.
fn last_columns<T: Element>() {
    for isa in tiers::all() {
        let mut random = Random::new(8);
        let few = (1..=15).flat_map(|n| [n, 16 + n]).chain([66, 130, 516]);
        for n in few {
            for (m, k) in [(15, 64), (16, 16), (17, 130), (48, 96), (70, 33)] {
                let order = |random: &mut Random| random.pick(&[Order::Rows(0), Order::Rows(3), Order::Columns(1)]);
                let orders = [order(&mut random), order(&mut random)];
                let mut matrix =
                    |rows, cols, order| Matrix::new(rows, cols, order, |_, _| T::from_f64(random.uniform()));
                let (a, b) = (matrix(m, k, orders[0]), matrix(k, n, orders[1]));
                let before = matrix(m, n, Order::Rows(2));
                let [alpha, beta] = [[1.0, 0.0], [1.0, 1.0], [-0.3, 0.7]][(n + m) % 3].map(T::from_f64);
                Product { alpha, a, b, beta, before, whole: false }.check(isa, &Team::serial());
            }
        }
    }
}

/// Columns of A that are turned several blocks of rows at a time; and a single column of C with gaps, whatever else its view says.
#[test]
fn few_columns_of_many_rows_and_alone() {
    let mut random = Random::new(9);
    for (m, n, k, of_a, of_c) in [
        (90_000, 3, 7, Order::Columns(0), Order::Rows(1)),
        (48, 1, 160, Order::Rows(0), Order::Rows(4)),
        (48, 1, 160, Order::Rows(0), Order::Columns(0)),
    ] {
        let mut matrix = |rows, cols, order| Matrix::new(rows, cols, order, |_, _| random.uniform() as f32);
        let (a, b, before) = (matrix(m, k, of_a), matrix(k, n, Order::Rows(0)), matrix(m, n, of_c));
        Product { alpha: 1.0, a, b, beta: 1.0, before, whole: false }.check(Isa::current(), &Team::serial());
    }
}

#[test]
fn few_columns_are_rows_of_the_transpose() {
    last_columns::<f32>();
    last_columns::<f64>();
}

/// Rows by rows or columns by columns, `period` elements from one to the next.
fn at_period(rows: usize, cols: usize, period: usize, by_columns: bool) -> Order {
    if by_columns { Order::Columns(period - rows) } else { Order::Rows(period - cols) }
}

/// Leading dimensions that are powers of two: all rows fall on the same cache sets, and other code may be chosen.
#[test]
fn strides_that_are_powers_of_two() {
    for isa in tiers::all() {
        let mut random = Random::new(3);
        for (m, n, k) in [(70, 70, 70), (16, 100, 512), (120, 9, 512)] {
            for by_columns in [false, true] {
                let order = |rows, cols| at_period(rows, cols, 1024, by_columns);
                let product = Product {
                    alpha: 1.0f32,
                    a: Matrix::new(m, k, order(m, k), |_, _| random.uniform() as f32),
                    b: Matrix::new(k, n, order(k, n), |_, _| random.uniform() as f32),
                    beta: 0.0,
                    before: Matrix::poisoned(m, n, order(m, n)),
                    whole: false,
                };
                product.check(isa, &Team::serial());
            }
        }
    }
}

/// A zero stride repeats a row or a column of a factor.
#[test]
fn repeated_factors() {
    let orders = [Order::RowRepeated, Order::ColumnRepeated, Order::Rows(0), Order::Columns(0)];
    for isa in tiers::all() {
        let mut random = Random::new(4);
        for (of_a, of_b) in orders.iter().flat_map(|&a| orders.map(|b| (a, b))) {
            for (m, n, k) in [(1, 1, 5), (5, 70, 33), (70, 5, 33), (3, 17, 1)] {
                let product = Product {
                    alpha: 1.0f32,
                    a: Matrix::new(m, k, of_a, |_, _| random.uniform() as f32),
                    b: Matrix::new(k, n, of_b, |_, _| random.uniform() as f32),
                    beta: 0.0,
                    before: Matrix::poisoned(m, n, Order::Rows(0)),
                    whole: false,
                };
                product.check(isa, &Team::serial());
            }
        }
    }
}

/// A right-hand side packed beforehand gives the bits of the plain call, on the tier in use; with β = 0, C is not read.
#[test]
fn packed_beforehand() {
    let mut random = Random::new(5);
    let shapes = [
        (1, 1, 1),
        (1, 128, 784),
        (8, 130, 63),
        (33, 10, 128),
        (48, 10, 128),
        (48, 36, 130),
        (128, 65, 300),
        (100, 130, 1100),
        (33, 130, 2),
        (5, 7, 0),
        (0, 3, 2),
    ];
    for (m, n, k) in shapes {
        for beta in [0.0, 1.0, -0.7] {
            for team in [Team::serial(), Team::new(2)] {
                let mut product = Product::<f32>::random(m, n, k, &mut random);
                (product.alpha, product.beta, product.whole) = (1.0, beta, false);
                let held = |random: &mut Random| if beta == 0.0 { poison() } else { random.uniform() as f32 };
                product.before = Matrix::new(m, n, Order::Rows(2), |_, _| held(&mut random));
                let mut c = product.before.clone();
                let packed = PackedB::new(product.b.view().unwrap());
                gemm_packed(welcoming(&team), product.a.view().unwrap(), &packed, beta, c.view_mut().unwrap()).unwrap();
                product.judge(Isa::current(), &c).unwrap();
            }
        }
    }
}

/// A second oracle, of other hands.
#[test]
fn as_matrixmultiply_has_it() {
    let mut random = Random::new(6);
    for (m, n, k) in [(4, 4, 4), (17, 33, 65), (100, 10, 30), (64, 128, 200)] {
        let a: Vec<f64> = (0..m * k).map(|_| random.uniform()).collect();
        let b: Vec<f64> = (0..k * n).map(|_| random.uniform()).collect();
        let (mut ours, mut theirs) = (vec![0.0; m * n], vec![0.0; m * n]);
        let views = [MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, k, n).unwrap()];
        gemm(1.0, views[0], views[1], 0.0, MatMut::new(&mut ours, m, n).unwrap()).unwrap();
        let (rsa, rsb, c) = (k as isize, n as isize, theirs.as_mut_ptr());
        // SAFETY: the three vectors hold m·k, k·n and m·n elements, row by row.
        unsafe { matrixmultiply::dgemm(m, k, n, 1.0, a.as_ptr(), rsa, 1, b.as_ptr(), rsb, 1, 0.0, c, rsb, 1) };
        for (ours, theirs) in ours.iter().zip(&theirs) {
            approx::assert_abs_diff_eq!(ours, theirs, epsilon = 1e-15 * k as f64);
        }
    }
}

/// Where products are to be cut by other caches, they are: else the rest here would say nothing about them.
#[test]
fn the_caches_are_those_that_the_environment_names() {
    let bytes = |size: &str| {
        let size = size.trim().to_ascii_uppercase();
        let (digits, unit) = match (size.strip_suffix('K'), size.strip_suffix('M')) {
            (Some(digits), _) => (digits, 10),
            (_, Some(digits)) => (digits, 20),
            _ => (size.as_str(), 0),
        };
        digits.parse::<usize>().unwrap() << unit
    };
    if let Ok(text) = std::env::var("DELTARULE_CACHES") {
        let Caches { l1d, l2, l3 } = caches();
        assert_eq!([l1d, l2, l3][..], text.split(',').map(bytes).collect::<Vec<_>>(), "{text}");
    }
}
