//! Each rule against its textbook formula in `f64`, and the bits across tiers and cuts.

use super::*;
use crate::isa::Isa;
use crate::isa::walked::fused;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The rule as its authors write it.
#[expect(clippy::disallowed_methods, reason = "compared within a bound")]
fn textbook(rule: Rule, lr: f64, l2: f64, t: i32, g: f64, (w, m, v): &mut (f64, f64, f64)) {
    let coupled = if matches!(rule, Rule::AdamW { .. }) { 0.0 } else { l2 };
    let g = g + coupled * *w;
    match rule {
        Rule::Sgd => *w -= lr * g,
        Rule::Momentum { momentum } => {
            *m = momentum * *m + g;
            *w -= lr * *m;
        }
        Rule::Nesterov { momentum } => {
            *m = momentum * *m + g;
            *w -= lr * (g + momentum * *m);
        }
        Rule::Adam { beta1, beta2, epsilon } | Rule::AdamW { beta1, beta2, epsilon } => {
            if matches!(rule, Rule::AdamW { .. }) {
                *w -= lr * l2 * *w;
            }
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            let mean = *m / (1.0 - beta1.powi(t));
            let square = *v / (1.0 - beta2.powi(t));
            *w -= lr * mean / (square.sqrt() + epsilon);
        }
    }
}

/// Numbers between −1 and 1 that look random.
fn numbers(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn every_rule_follows_its_formula() {
    for &rule in Rule::ALL {
        let mut w = numbers(37, 1);
        let (mut m, mut v) = (vec![0.0; 37], vec![0.0; 37]);
        let mut expected: Vec<_> = w.iter().map(|&w| (w, 0.0, 0.0)).collect();
        for t in 1..=20 {
            let g = numbers(37, 100 + t);
            rule.step::<f64>(0.01, 0.1, t, 1.0).sweep(Isa::current(), &mut w, &g, &mut m, &mut v);
            for (state, g) in expected.iter_mut().zip(g) {
                textbook(rule, 0.01, 0.1, t as i32, g, state);
            }
        }
        for (w, (expected, ..)) in w.iter().zip(&expected) {
            assert!((w - expected).abs() < 1e-13, "{rule:?}: {w} is not {expected}");
        }
    }
}

#[test]
fn the_scale_multiplies_the_gradient_first() {
    let (mut a, mut b) = (numbers(5, 3), numbers(5, 3));
    let g = numbers(5, 4);
    let half: Vec<f64> = g.iter().map(|g| g * 0.5).collect();
    Rule::Sgd.step::<f64>(0.1, 0.3, 1, 0.5).sweep(Isa::current(), &mut a, &g, &mut [], &mut []);
    Rule::Sgd.step::<f64>(0.1, 0.3, 1, 1.0).sweep(Isa::current(), &mut b, &half, &mut [], &mut []);
    assert_eq!(a, b);
}

/// They would make every weight NaN.
#[test]
fn steps_that_no_rule_has_are_refused() {
    let refused = |rule: Rule, t: u64| catch_unwind(|| rule.step::<f32>(0.1, 0.0, t, 1.0)).is_err();
    for &rule in Rule::ALL {
        assert!(refused(rule, 0), "{rule:?}: steps count from 1");
        assert!(!refused(rule, 1) && !refused(rule, u64::MAX), "{rule:?}");
    }
    for beta in [-0.1, 1.0, 1.5, f64::NAN] {
        for (beta1, beta2) in [(beta, 0.999), (0.9, beta)] {
            assert!(refused(Rule::Adam { beta1, beta2, epsilon: 1e-8 }, 1), "{beta1} and {beta2}");
            assert!(refused(Rule::AdamW { beta1, beta2, epsilon: 1e-8 }, 1), "{beta1} and {beta2}");
        }
    }
    for epsilon in [0.0, -0.0, -1e-8, 1e-46, f64::NAN] {
        assert!(refused(Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon }, 1), "{epsilon}");
        assert!(refused(Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon }, 1), "{epsilon}");
    }
    let (least, most) = (0.0, 1.0 - f64::EPSILON / 2.0);
    for (beta1, beta2) in [(least, least), (most, most)] {
        let mut w = [1.0];
        let step = Rule::Adam { beta1, beta2, epsilon: 1e-8 }.step::<f64>(0.1, 0.0, 1, 1.0);
        step.sweep(Isa::current(), &mut w, &[1.0], &mut [0.0], &mut [0.0]);
        assert!(
            (w[0] - 0.9).abs() < 1e-6,
            "{beta1} and {beta2}: the first step is as long as the rate, not {}",
            1.0 - w[0]
        );
    }
}

/// Whether all stays finite when gradients of this size come again and again, of one sign or of both.
fn bears<T: Element>(rule: Rule, lr: f64, size: f64) -> bool {
    let each = |turns: bool| {
        let (mut m, mut v) = ([T::ZERO], [T::ZERO]);
        (1..=500).all(|t| {
            let (mut w, g) = ([T::ZERO], if turns && t % 2 == 0 { -size } else { size });
            rule.step::<T>(lr, 0.0, t, 1.0).sweep(Isa::current(), &mut w, &[T::from_f64(g)], &mut m, &mut v);
            [w, m, v].iter().all(|x| x[0].is_finite())
        })
    };
    each(false) && each(true)
}

#[test]
fn the_largest_gradient_leaves_finite_numbers_and_one_far_larger_does_not() {
    fn check<T: Element>() {
        for &rule in Rule::ALL {
            for lr in [0.01, 1.0, 3000.0, T::MAX.to_f64() / 64.0] {
                let largest = rule.largest_gradient::<T>(lr);
                assert!(bears::<T>(rule, lr, largest), "{rule:?} at {lr} in {}", T::NAME);
                let is_large = !T::from_f64(8.0 * largest).is_finite() || !bears::<T>(rule, lr, 8.0 * largest);
                assert!(is_large, "{rule:?} at {lr} in {}", T::NAME);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Its first step divides the rate by 1 − β₁: what is beyond the range then makes even a gradient of 0 NaN.
#[test]
fn beyond_its_largest_rate_adam_takes_no_gradient() {
    fn check<T: Element>() {
        for rule in [Rule::ADAM, Rule::ADAMW] {
            let most = rule.largest_rate::<T>();
            assert!(bears::<T>(rule, most, rule.largest_gradient::<T>(most)), "{rule:?} at {most} in {}", T::NAME);
            assert_eq!(rule.largest_gradient::<T>(1.001 * most), 0.0, "{rule:?} in {}", T::NAME);
            assert!(
                !bears::<T>(rule, 5.0 * most, 1.0) && !bears::<T>(rule, 5.0 * most, 0.0),
                "{rule:?} in {}",
                T::NAME
            );
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Without a gradient moments of 1 shrink, and those that are no normal numbers are 0, not what rounding would hold them at.
fn moments_end_at_zero<T: Element>(smallest: f64) {
    for &rule in Rule::ALL {
        let start = [1.0, -1.0, smallest, -smallest].map(T::from_f64);
        let (mut m, mut v) = (start, start.map(T::abs));
        let mut w = [T::ONE; 4];
        for t in 1..=3 {
            rule.step::<T>(1e-3, 0.0, t, 1.0).sweep(Isa::current(), &mut w, &[T::ZERO; 4], &mut m, &mut v);
        }
        for (moments, name) in [(m, "first"), (v, "second")].into_iter().take(rule.moments()) {
            let is_kept = |number: &T| number.to_f64() != 0.0;
            assert!(moments[..2].iter().all(is_kept), "{rule:?}: a {name} moment of 1 is gone");
            assert!(!moments[2..].iter().any(is_kept), "{rule:?}: {moments:?} has a {name} moment that rounding holds");
        }
    }
}

#[test]
fn moments_that_no_gradient_feeds_end_at_zero() {
    moments_end_at_zero::<f32>(f64::from(f32::MIN_POSITIVE / 2.0));
    moments_end_at_zero::<f64>(f64::MIN_POSITIVE / 2.0);
}

/// As those of a bias might be: found before anything changes.
#[test]
fn moments_that_are_missing_are_noticed_first() {
    for &rule in Rule::ALL {
        let step = rule.step::<f64>(0.1, 0.3, 1, 1.0);
        assert_eq!(step.moments(), rule.moments(), "{rule:?}");
        for there in 0..rule.moments() {
            let (mut w, mut m) = (numbers(20, 3), vec![0.0; 20 * there]);
            let sweep = || step.sweep(Isa::current(), &mut w, &numbers(20, 4), &mut m, &mut []);
            assert!(catch_unwind(AssertUnwindSafe(sweep)).is_err(), "{rule:?} with {there}");
            assert_eq!((w, m), (numbers(20, 3), vec![0.0; 20 * there]), "{rule:?} with {there}");
        }
    }
}

#[test]
fn the_bits_depend_neither_on_the_tier_nor_on_the_cut() {
    let tiers = fused();
    let narrow = |x: Vec<f64>| -> Vec<f32> { x.into_iter().map(|x| x as f32).collect() };
    for &rule in Rule::ALL {
        let step = rule.step::<f32>(0.01, 0.1, 7, 0.7);
        let run = |isa: Isa, cut: usize| {
            let mut w = narrow(numbers(101, 1));
            let g = narrow(numbers(101, 2));
            let mut m = narrow(numbers(101, 3));
            let mut v: Vec<f32> = narrow(numbers(101, 4)).into_iter().map(f32::abs).collect();
            for (((w, g), m), v) in w.chunks_mut(cut).zip(g.chunks(cut)).zip(m.chunks_mut(cut)).zip(v.chunks_mut(cut)) {
                step.sweep(isa, w, g, m, v);
            }
            [w, m, v].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        for &isa in &tiers {
            for cut in [1, 7, 16, 101] {
                assert_eq!(run(isa, cut), run(Isa::detected(), 101), "{rule:?} on {isa} cut by {cut}");
            }
        }
    }
}

/// The numbers that a rule writes are the ones that it reads, no more and no fewer.
#[test]
fn numbers_go_there_and_back() {
    for &rule in Rule::ALL {
        let numbers = rule.numbers();
        assert!(numbers.iter().all(|(number, value)| (number.holds)(*value)), "{rule:?}: usual numbers");
        let others: Vec<f64> = (1..=numbers.len()).map(|i| i as f64 / 8.0).collect();
        let changed = rule.with_numbers(&others).unwrap();
        assert_eq!(changed.numbers().iter().map(|(_, value)| *value).collect::<Vec<_>>(), others);
        assert_eq!(
            (changed.name(), rule.to_string()),
            (rule.name(), rule.name().to_owned()),
            "usual numbers go unsaid"
        );
        assert_eq!(changed.to_string().parse(), Ok(changed), "{changed}");
        assert_eq!(changed.to_string().to_uppercase().replace(',', " , ").parse(), Ok(changed));
        assert_eq!(rule.with_numbers(&[&others[..], &[0.5]].concat()), None);
    }
}

#[test]
fn rules_are_read_with_all_of_their_numbers_or_none() {
    assert_eq!("momentum(0.99)".parse(), Ok(Rule::Momentum { momentum: 0.99 }));
    assert_eq!("AdamW( 0.9, 0.98, 1e-9 )".parse(), Ok(Rule::AdamW { beta1: 0.9, beta2: 0.98, epsilon: 1e-9 }));
    assert_eq!(Rule::Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-9 }.to_string(), "adam(0.9,0.98,1e-9)");
    for text in
        ["sgd()", "sgd(0.1)", "momentum()", "nesterov(x)", "adam(0.9)", "adam(0.9,0.98,1e-9", "adamw(0.9,0.98,)"]
    {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("adam(BETA1,BETA2,EPSILON)"), "{error}");
    }
}
