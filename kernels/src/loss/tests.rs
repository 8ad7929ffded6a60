//! Losses and softmax against their definitions in `f64`, and the promises: bits, ranges, finiteness.

#![expect(clippy::disallowed_methods, reason = "definitions, which are compared within a bound")]

use super::*;
use crate::isa::Isa;
use crate::softmax::softmax_rows;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Around the strands, the block on the stack, and several of it.
const OUTPUTS: [usize; 12] = [1, 2, 3, 7, 10, 15, 16, 17, 33, 511, 513, 1100];

struct Batch<T> {
    out: Vec<T>,
    y: Vec<T>,
    classes: Vec<u32>,
    outputs: usize,
}

impl<T: Element> Batch<T> {
    /// Numbers that look random: outputs within ±8, targets within 0 … 1.
    fn new(rows: usize, outputs: usize) -> Self {
        let number = |i: usize, range: f64| ((i * 7919 + 13) % 1009) as f64 / 1009.0 * range;
        Self {
            out: (0..rows * outputs).map(|i| T::from_f64(number(i, 16.0) - 8.0)).collect(),
            y: (0..rows * outputs).map(|i| T::from_f64(number(i * 31 + 5, 1.0))).collect(),
            classes: (0..rows).map(|i| (i * 5 % outputs) as u32).collect(),
            outputs,
        }
    }

    fn targets(&self, loss: Loss) -> Targets<'_, T> {
        match loss {
            Loss::CrossEntropy => Targets::Classes(&self.classes),
            _ => Targets::Values(&self.y),
        }
    }

    fn gradient(&self, loss: Loss, isa: Isa, scale: f64) -> (f64, Vec<T>) {
        let mut dz = vec![T::from_f64(f64::NAN); self.out.len()];
        let scale = T::from_f64(scale);
        let total = loss.gradient(isa, &self.out, self.targets(loss), self.outputs, scale, &mut dz);
        (total, dz)
    }

    /// The batch of row `r` alone, at an odd place in memory.
    fn row(&self, r: usize) -> Self {
        let cut = |x: &[T]| x[r * self.outputs..][..self.outputs].to_vec();
        let (out, y) = (cut(&self.out), cut(&self.y));
        Self { out, y, classes: vec![self.classes[r]], outputs: self.outputs }
    }
}

/// The definition: row loss and gradient.
fn defined(loss: Loss, out: &[f64], y: &[f64], class: usize) -> (f64, Vec<f64>) {
    let pairs = || out.iter().zip(y);
    let squares: f64 = pairs().map(|(a, y)| (a - y) * (a - y)).sum();
    let n = out.len() as f64;
    match loss {
        Loss::HalfSquaredError => (squares / 2.0, pairs().map(|(a, y)| a - y).collect()),
        Loss::SquaredError => (squares / n, pairs().map(|(a, y)| 2.0 * (a - y) / n).collect()),
        Loss::LogLoss => {
            let sigma = |z: f64| 1.0 / (1.0 + (-z).exp());
            let term = |(&z, &y): (&f64, &f64)| -(y * sigma(z).ln() + (1.0 - y) * sigma(-z).ln());
            (pairs().map(term).sum(), pairs().map(|(&z, &y)| sigma(z) - y).collect())
        }
        Loss::CrossEntropy => {
            let sum: f64 = out.iter().map(|z| z.exp()).sum();
            let one = |j: usize| f64::from(u8::from(j == class));
            (sum.ln() - out[class], out.iter().enumerate().map(|(j, z)| z.exp() / sum - one(j)).collect())
        }
    }
}

fn follows_the_definition<T: Element>(tolerance: f64) {
    for (loss, isa) in Loss::ALL.iter().flat_map(|&l| Isa::available().into_iter().map(move |isa| (l, isa))) {
        for outputs in OUTPUTS {
            let rows = if outputs < 100 { 37 } else { 3 };
            let batch = Batch::<T>::new(rows, outputs);
            let wide = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
            let (out, y) = (wide(&batch.out), wide(&batch.y));
            let (total, dz) = batch.gradient(loss, isa, 0.25);
            let mut expected = 0.0;
            for (r, class) in batch.classes.iter().enumerate() {
                let row = r * outputs..(r + 1) * outputs;
                let (value, gradient) = defined(loss, &out[row.clone()], &y[row.clone()], *class as usize);
                expected += value;
                for (dz, expected) in dz[row].iter().zip(gradient) {
                    let error = (dz.to_f64() - 0.25 * expected).abs();
                    assert!(error <= tolerance * expected.abs().max(0.01), "{loss:?} {outputs} {isa}: {dz} {expected}");
                }
            }
            let error = (total - expected).abs();
            assert!(
                error <= tolerance * expected.max(0.01),
                "{loss:?} of {outputs} on {isa}: {total} is not {expected}"
            );
        }
    }
}

#[test]
fn f32_follows_the_definition() {
    follows_the_definition::<f32>(3e-6);
}

#[test]
fn f64_follows_the_definition() {
    follows_the_definition::<f64>(1e-14);
}

fn bits<T: Element>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits64()).collect()
}

#[test]
fn the_value_alone_has_the_bits_of_the_value_with_a_gradient() {
    fn check<T: Element>() {
        for (loss, outputs) in Loss::ALL.iter().flat_map(|&l| OUTPUTS.map(|n| (l, n))) {
            let batch = Batch::<T>::new(5, outputs);
            for isa in Isa::available() {
                let alone = loss.value(isa, &batch.out, batch.targets(loss), outputs);
                assert_eq!(alone.to_bits(), batch.gradient(loss, isa, 1.0).0.to_bits(), "{loss:?} of {outputs}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// The sum in the order of `row`, written out: of every `piece` numbers, number `i` goes to strand `i mod strands`, and the strands are folded
/// in halves.
fn in_strands<T: Element>(numbers: &[T], piece: usize, strands: usize) -> T {
    let mut sums = vec![T::ZERO; strands];
    for piece in numbers.chunks(piece) {
        piece.iter().enumerate().for_each(|(i, &x)| sums[i % strands] += x);
    }
    let mut half = strands;
    while half > 1 {
        half /= 2;
        let (low, high) = sums.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
    }
    sums[0]
}

/// The losses of rows in the order in which a batch of them is summed.
fn of_rows(loss: Loss, outputs: usize, losses: &[f64]) -> f64 {
    // Sixteen logarithms at a time, or as many rows as a block has room for.
    let piece = if loss == Loss::CrossEntropy { 16 } else { (128 / outputs).max(1) };
    in_strands(losses, piece, 8)
}

#[test]
fn bits_depend_neither_on_the_tier_nor_on_the_batch() {
    fn check<T: Element>() {
        for (loss, outputs) in Loss::ALL.iter().flat_map(|&l| OUTPUTS.map(|n| (l, n))) {
            let rows = if outputs < 100 { 35 } else { 3 };
            let batch = Batch::<T>::new(rows, outputs);
            for isa in Isa::available() {
                let (total, dz) = batch.gradient(loss, isa, 0.3);
                let mut alone = Vec::new();
                for r in 0..rows {
                    let (value, row) = batch.row(r).gradient(loss, isa, 0.3);
                    alone.push(value);
                    assert_eq!(
                        bits(&dz[r * outputs..][..outputs]),
                        bits(&row),
                        "{loss:?}: row {r} of {outputs} on {isa}"
                    );
                }
                let expected = of_rows(loss, outputs, &alone);
                assert_eq!(total.to_bits(), expected.to_bits(), "{loss:?} of {outputs} on {isa}");
                if isa.fuses() {
                    let (detected, detected_dz) = batch.gradient(loss, Isa::detected(), 0.3);
                    let same = bits(&dz) == bits(&detected_dz) && total.to_bits() == detected.to_bits();
                    assert!(same, "{loss:?} of {outputs} in {} on {isa}", T::NAME);
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Several blocks of rows whose losses differ so much in size that another order gives another sum; and the terms of rows, where they are
/// squares, which anybody can write out.
#[test]
fn losses_are_summed_in_one_order() {
    const ROWS: usize = 150;
    fn check<T: Element>(loss: Loss) {
        let mut order_matters = false;
        for (outputs, isa) in OUTPUTS.into_iter().flat_map(|n| Isa::available().into_iter().map(move |isa| (n, isa))) {
            let mut batch = Batch::<T>::new(ROWS, outputs);
            for (r, row) in batch.out.chunks_mut(outputs).enumerate() {
                let size = T::from_f64([1.0, 1e3, 1e6, 1e9][r % 4]);
                row.iter_mut().for_each(|x| *x = size * *x);
            }
            let what = format!("{loss:?} of {outputs} in {} on {isa}", T::NAME);
            let alone: Vec<f64> = (0..ROWS).map(|r| batch.row(r).gradient(loss, isa, 1.0).0).collect();
            let total = batch.gradient(loss, isa, 1.0).0;
            assert_eq!(total.to_bits(), of_rows(loss, outputs, &alone).to_bits(), "{what}");
            order_matters |= total != alone.iter().sum::<f64>() && total.is_finite();
            for (r, found) in alone.into_iter().enumerate() {
                let Batch { out, y, .. } = batch.row(r);
                let terms: Vec<T> = out.iter().zip(&y).map(|(&a, &y)| (a - y) * (a - y)).collect();
                let sum = in_strands(&terms, outputs, 16);
                let expected = match loss {
                    Loss::HalfSquaredError => sum * T::from_f64(0.5),
                    Loss::SquaredError => sum / T::from_f64(outputs as f64),
                    _ => continue,
                };
                assert_eq!(found.to_bits(), expected.to_f64().to_bits(), "row {r}: {what}");
            }
        }
        assert!(order_matters, "{loss:?} in {}", T::NAME);
    }
    for &loss in Loss::ALL {
        check::<f32>(loss);
        check::<f64>(loss);
    }
}

/// The same on every machine, past and future: a change here is a change of everyone's results.
#[test]
fn the_bits_are_these() {
    for isa in Isa::available() {
        if !isa.fuses() {
            continue;
        }
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for (loss, outputs) in Loss::ALL.iter().flat_map(|&l| OUTPUTS.map(|n| (l, n))) {
            let (total, dz) = Batch::<f32>::new(19, outputs).gradient(loss, isa, 0.3);
            for bits in dz.iter().map(|x| x.to_bits64()).chain([total.to_bits()]) {
                hash = (hash ^ bits).wrapping_mul(0x100_0000_01b3);
            }
        }
        assert_eq!(format!("{hash:016x}"), "95a3aa9750bb8536", "on {isa}");
    }
}

#[test]
fn log_loss_is_finite_and_its_gradient_bounded() {
    /// From the least number of the type to the greatest, on both sides of where `exp(−|z|)` becomes subnormal and where it becomes 0.
    fn check<T: Element>(isa: Isa, least: T, greatest: T) {
        let ordinary =
            [0.0, 1e-30, 1.0, 17.0, 87.0, 89.0, 103.0, 104.0, 708.0, 710.0, 745.0, 746.0, 1e10].map(T::from_f64);
        for z in ordinary.into_iter().chain([least, greatest]).flat_map(|z| [z, -z]) {
            for y in [0.0, 0.3, 1.0].map(T::from_f64) {
                let mut dz = [T::ZERO];
                let value = Loss::LogLoss.gradient(isa, &[z], Targets::Values(&[y]), 1, T::ONE, &mut dz);
                assert!(value.is_finite() && value >= 0.0, "log loss of {z}, {y} on {isa} is {value}");
                assert!(dz[0].abs() <= T::ONE, "log loss′ of {z}, {y} on {isa} is {}", dz[0]);
            }
        }
        let right = Loss::LogLoss.value(isa, &[greatest, -greatest], Targets::Values(&[T::ONE, T::ZERO]), 2);
        assert_eq!(right, 0.0);
    }
    for isa in Isa::available() {
        check(isa, f32::from_bits(1), f32::MAX);
        check(isa, f64::from_bits(1), f64::MAX);
    }
}

#[test]
fn nan_and_infinity_reach_the_loss() {
    for isa in Isa::available() {
        for &loss in Loss::ALL {
            for bad in [f32::NAN, f32::INFINITY] {
                for place in [0, 3, 19] {
                    let mut batch = Batch::<f32>::new(3, 20);
                    batch.out[20 + place] = bad;
                    let (value, dz) = batch.gradient(loss, isa, 1.0);
                    assert!(!value.is_finite() || loss == Loss::LogLoss, "{loss:?} of {bad} on {isa} is {value}");
                    assert!(!bad.is_nan() || !value.is_finite(), "{loss:?} of {bad} on {isa} is {value}");
                    assert!(dz[..20].iter().chain(&dz[40..]).all(|x| x.is_finite()), "{loss:?}: other rows");
                }
            }
        }
    }
}

#[test]
fn softmax_is_a_distribution_whatever_is_added_to_the_logits() {
    for isa in Isa::available() {
        for cols in OUTPUTS {
            let z = Batch::<f64>::new(3, cols).out;
            let shifted: Vec<f64> = z.iter().map(|z| z + 3000.0).collect();
            let (mut p, mut q) = (vec![0.0; z.len()], vec![0.0; z.len()]);
            softmax_rows(isa, &z, cols, &mut p);
            softmax_rows(isa, &shifted, cols, &mut q);
            for (r, (p, q)) in p.chunks(cols).zip(q.chunks(cols)).enumerate() {
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "row {r} of {cols} on {isa}");
                for (p, q) in p.iter().zip(q) {
                    assert!((0.0..=1.0).contains(p) && (p - q).abs() < 1e-12, "row {r} of {cols} on {isa}");
                }
            }
            let mut alone = vec![0.0; cols];
            softmax_rows(isa, &z[cols..2 * cols], cols, &mut alone);
            assert_eq!(alone, p[cols..2 * cols]);
        }
    }
}

#[test]
fn softmax_has_the_same_bits_on_every_tier() {
    fn check<T: Element>() {
        for cols in OUTPUTS {
            let z = Batch::<T>::new(5, cols).out;
            let softmax = |isa: Isa, z: &[T]| {
                let mut p = vec![T::from_f64(f64::NAN); z.len()];
                softmax_rows(isa, z, cols, &mut p);
                bits(&p)
            };
            let detected = softmax(Isa::detected(), &z);
            for isa in Isa::available() {
                let p = softmax(isa, &z);
                let alone: Vec<u64> = z.chunks(cols).flat_map(|z| softmax(isa, z)).collect();
                assert_eq!(p, alone, "{cols} in {} on {isa}", T::NAME);
                assert!(!isa.fuses() || p == detected, "{cols} in {} on {isa}", T::NAME);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn softmax_at_the_extremes() {
    for isa in Isa::available() {
        let mut p = [0.0f32; 3];
        softmax_rows(isa, &[f32::MAX, -f32::MAX, f32::NEG_INFINITY], 3, &mut p);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        softmax_rows(isa, &[-200.0; 3], 3, &mut p);
        assert_eq!(p, [1.0 / 3.0; 3]);
        for row in [[0.0, f32::NAN, 1.0], [0.0, f32::INFINITY, 1.0], [f32::NEG_INFINITY; 3]] {
            p = [0.0; 3];
            softmax_rows(isa, &row, 3, &mut p);
            assert!(p.iter().all(|p| p.is_nan()), "softmax of {row:?} on {isa} is {p:?}");
        }
    }
}

#[test]
fn nothing_is_no_loss() {
    for &loss in Loss::ALL {
        let batch = Batch::<f32>::new(0, 3);
        assert_eq!(batch.gradient(loss, Isa::current(), 1.0).0, 0.0);
    }
    softmax_rows::<f32>(Isa::current(), &[], 0, &mut []);
}

/// Neither two values nor a class go with no rows; of no outputs there may be none.
#[test]
fn targets_of_no_rows_are_looked_at() {
    for &loss in Loss::ALL {
        let fitting: Targets<'_, f32> = match loss {
            Loss::CrossEntropy => Targets::Classes(&[]),
            _ => Targets::Values(&[]),
        };
        assert_eq!([0, 3].map(|outputs| loss.value(Isa::current(), &[], fitting, outputs)), [0.0; 2]);
        let (two, one) = (Targets::Values(&[1.0_f32, 2.0]), Targets::Classes(&[1]));
        for (targets, outputs) in [(two, 3), (one, 3), (one, 0)] {
            let value = || loss.value(Isa::current(), &[], targets, outputs);
            assert!(catch_unwind(value).is_err(), "{loss:?} of {targets:?}");
        }
    }
}

/// Beyond the first sixteen rows, too: rows before it are not written first.
#[test]
fn a_class_that_is_none_is_named_before_anything_is_written() {
    for (rows, bad) in [(2, 1), (40, 0), (40, 37)] {
        let mut classes = vec![0; rows];
        classes[bad] = 99;
        let mut dz = vec![7.0f32; rows * 10];
        let targets = Targets::Classes(&classes);
        let gradient = || Loss::CrossEntropy.gradient(Isa::current(), &vec![0.5; rows * 10], targets, 10, 1.0, &mut dz);
        let message = catch_unwind(AssertUnwindSafe(gradient)).unwrap_err().downcast::<String>().unwrap();
        assert_eq!(*message, format!("row {bad} has class 99, but there are 10 outputs"));
        assert!(dz.iter().all(|&dz| dz == 7.0), "{rows} rows");
    }
    let loss = Loss::CrossEntropy.value(Isa::current(), &[0.5f32; 10], Targets::Classes(&[9]), 10);
    assert!((loss - 10f64.ln()).abs() < 1e-6, "{loss}");
}

#[test]
#[should_panic(expected = "cross-entropy takes classes")]
fn cross_entropy_refuses_values() {
    Loss::CrossEntropy.value(Isa::current(), &[1.0f32], Targets::Values(&[1.0]), 1);
}

#[test]
#[should_panic(expected = "one target for each output")]
fn short_targets_are_refused() {
    Loss::LogLoss.value(Isa::current(), &[1.0f32, 2.0], Targets::Values(&[1.0]), 1);
}
