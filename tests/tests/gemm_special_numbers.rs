//! Numbers that are none, and the least ones: NaN and the infinities reach exactly the elements that they must, as what they must be there, and
//! nothing is flushed to zero. On every way that a product is computed: each is drawn in many layouts.

use deltarule_kernels::gemm::{PackedB, gemm_packed_at};
use deltarule_kernels::{Element, Isa, Team};
use deltarule_tests::matrix::{Matrix, Order};
use deltarule_tests::product::Product;
use deltarule_tests::random::Random;
use deltarule_tests::tiers;

/// m, n, k: a few outer products, alone and shared; a single row and column; few rows, which turn the columns of B; few columns, which are rows of
/// the transpose; tiles that read B where it is, that pack it on the way, over several blocks of k; and what two threads share.
const SHAPES: [[usize; 3]; 14] = [
    [33, 130, 1],
    [33, 130, 2],
    [300, 700, 4],
    [1, 17, 5],
    [9, 1, 40],
    [7, 70, 33],
    [12, 40, 130],
    [61, 10, 300],
    [100, 17, 130],
    [14, 64, 64],
    [48, 96, 3],
    [53, 64, 1100],
    [5, 160, 1100],
    [130, 200, 67],
];
/// Products of each shape and kind, each in layouts of its own.
const DRAWS: usize = 1;

/// Compares the bits of every element, any NaN being like any other; nothing between the elements is written.
fn assert_same<T: Element>(what: &dyn Fn() -> String, c: &Matrix<T>, expected: &Matrix<T>) {
    for (at, (c, expected)) in c.elements().into_iter().zip(expected.elements()).enumerate() {
        let same = c.to_bits64() == expected.to_bits64() || c.to_f64().is_nan() && expected.to_f64().is_nan();
        assert!(
            same,
            "{}: element {at} is {c:e}, not {expected:e}",
            what(),
            c = c.to_f64(),
            expected = expected.to_f64()
        );
    }
    assert!(c.gaps_untouched(), "{}: a gap of C is written", what());
}

/// As it is and with B packed beforehand, alone and shared by two, on each of these tiers: the chains of its elements.
fn check<T: Element>(what: &str, tiers: &[Isa], teams: &[Team], mut product: Product<T>) {
    let said = |product: &Product<T>, isa: Isa, team: &Team, how: &str| {
        let (m, n, k) = (product.a.rows(), product.b.cols(), product.a.cols());
        let (alpha, beta, threads) = (product.alpha, product.beta, team.threads());
        format!("{what} in {} {m} {n} {k}, α {alpha}, β {beta}, {isa}, {threads} threads, {how}", T::NAME)
    };
    let ways = || tiers.iter().flat_map(|&isa| teams.iter().map(move |team| (isa, team)));
    let expected = product.chains();
    for (isa, team) in ways() {
        let c = product.compute(isa, team).unwrap();
        assert_same(&|| said(&product, isa, team, "plain"), &c, &expected);
    }
    product.alpha = T::ONE;
    product.before = Matrix::new(product.a.rows(), product.b.cols(), Order::Rows(2), |i, j| product.before.get(i, j));
    let expected = product.chains();
    let packed = PackedB::new(product.b.view().unwrap());
    for (isa, team) in ways() {
        let mut c = product.before.clone();
        gemm_packed_at(isa, team, product.a.view().unwrap(), &packed, product.beta, c.view_mut().unwrap()).unwrap();
        assert_same(&|| said(&product, isa, team, "packed beforehand"), &c, &expected);
    }
}

/// Puts `bad` somewhere into A, and opposite to it, into every third column of B, a zero of some sign; or the other way round.
fn spoil<T: Element>(product: &mut Product<T>, bad: f64, in_a: bool, random: &mut Random) {
    let (m, n, k) = (product.a.rows(), product.b.cols(), product.a.cols());
    let (row, depth, col) = (random.below(m), random.below(k), random.below(n));
    let zero = T::from_f64(random.pick(&[0.0, -0.0]));
    if in_a {
        product.a.set(row, depth, T::from_f64(bad));
        (col % 3..n).step_by(3).for_each(|j| product.b.set(depth, j, zero));
    } else {
        product.b.set(depth, col, T::from_f64(bad));
        (row % 3..m).step_by(3).for_each(|i| product.a.set(i, depth, zero));
    }
}

/// One NaN or infinity in A reaches its row and nothing else, one in B its column: an infinity as one of the sign that the other factor
/// makes it, and as NaN where that is 0. All other numbers are whole, so that every tier has the bits of the chain.
fn not_finite<T: Element>() {
    let (tiers, teams) = (tiers::all(), [Team::serial(), Team::new(2)]);
    let mut random = Random::new(2);
    for shape in SHAPES.into_iter().flat_map(|shape| [shape; DRAWS]) {
        for (bad, in_a) in
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().flat_map(|x| [(x, true), (x, false)])
        {
            let mut product = Product::<T>::drawn(shape, true, &mut random);
            spoil(&mut product, bad, in_a, &mut random);
            check(&format!("{bad} in {}", if in_a { "A" } else { "B" }), &tiers, &teams, product);
        }
    }
}

#[test]
fn what_is_not_finite_reaches_exactly_its_elements() {
    not_finite::<f32>();
    not_finite::<f64>();
}

/// Times `by`, each element.
fn scale<T: Element>(matrix: &mut Matrix<T>, by: f64) {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
        matrix.set(i, j, T::from_f64(matrix.get(i, j).to_f64() * by));
    }
}

/// Whole numbers of the `least` one, with which all that is done is exact: as products of small ones (`root` squared is `least`), and as a factor.
/// And products of numbers of the size of `small` with all their bits: each link of the chain is rounded to a whole number of the least.
fn subnormal<T: Element>(least: f64, root: [f64; 2], small: f64) {
    let (all, fused, teams) = (tiers::all(), tiers::fused(), [Team::serial(), Team::new(2)]);
    let mut random = Random::new(3);
    for shape in SHAPES.into_iter().flat_map(|shape| [shape; DRAWS]) {
        for ([of_a, of_b], whole) in [(root, true), ([least, 1.0], true), ([1.0, least], true), ([small; 2], false)] {
            let mut product = Product::<T>::drawn(shape, whole, &mut random);
            scale(&mut product.a, of_a);
            scale(&mut product.b, of_b);
            if product.beta != T::ZERO {
                scale(&mut product.before, of_a * of_b);
            }
            let tiers = if whole { &all } else { &fused };
            check(&format!("{of_a:e} times {of_b:e}"), tiers, &teams, product);
        }
    }
}

#[test]
fn subnormals_are_kept() {
    #[expect(clippy::disallowed_methods, reason = "powers of two, which are exact")]
    let power = |exponent: i32| 2f64.powi(exponent);
    subnormal::<f32>(power(-149), [power(-75), power(-74)], 1e-20);
    subnormal::<f64>(f64::from_bits(1), [power(-537), power(-537)], 1e-160);
}
