//! The claim that everything rests on: the same bits for any number of threads, on every tier with fused multiply-add, in
//! any state of the pool, for any split of a batch, fused or not.

use deltarule::{Activation, Loss, Mlp, Optimiser, Output, Plan, Scratch};
use deltarule_kernels::{Isa, IsaError, Named};
use deltarule_tests::fingerprint::{all, hash, trained};
use deltarule_tests::random::Random;
use deltarule_tests::tiers;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const STEPS: &str = "6";

/// What the program `bits` prints on a tier, with so many threads. Its first line names the tier that it ran on: if that could not be lowered, a
/// tier would be compared with itself.
fn lines(isa: Isa, threads: usize, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_bits"))
        .arg(threads.to_string())
        .args(arguments)
        .env(Isa::VARIABLE, isa.name())
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{isa}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next(), Some(format!("tier {isa}")), "the tier in use is not the one that was asked for");
    lines.collect()
}

/// Names what differs, and nothing else.
fn assert_same<T: PartialEq + std::fmt::Debug>(what: &str, first: &[T], second: &[T]) {
    assert_eq!(first.len(), second.len(), "{what}");
    let different: Vec<_> = first.iter().zip(second).filter(|(first, second)| first != second).collect();
    assert!(different.is_empty(), "{what}: {} of {} differ: {different:#?}", different.len(), first.len());
}

#[test]
fn tiers_and_threads() {
    let mut first = None;
    for isa in tiers::fused() {
        let here = lines(isa, 1, &[STEPS]);
        let first = first.get_or_insert_with(|| here.clone());
        assert_same(&format!("{isa} on 1 thread"), first, &here);
        for threads in [2, 3, 7] {
            assert_same(&format!("{isa} on {threads} threads"), first, &lines(isa, threads, &[STEPS]));
        }
    }
    // The portable tier may differ from the others where the build has no fused multiply-add, not from itself.
    assert_same("portable on 3 threads", &lines(Isa::Portable, 1, &[STEPS]), &lines(Isa::Portable, 3, &[STEPS]));
}

/// Inside a pool of one, inside a large pool, and on the one thread of a pool that is left when all others are busy.
#[test]
fn any_state_of_the_pool() {
    let expected = all(1, 2);
    let pool_of = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for threads in [1, 4] {
        let inside = pool_of(threads).install(|| all(3, 2));
        assert_same(&format!("inside a pool of {threads}"), &expected, &inside);
    }
    for threads in [2, 4] {
        let (pool, stop) = (pool_of(threads), AtomicBool::new(false));
        let busy = pool.in_place_scope(|scope| {
            let _stops_in_the_end = Stops(&stop);
            for _ in 1..threads {
                scope.spawn(|_| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            pool.install(|| all(3, 2))
        });
        assert_same(&format!("in a busy pool of {threads}"), &expected, &busy);
    }
}

/// Sets the flag when it goes, after a panic too: a scope waits for its threads, and those that spin until then would make a hang of a failure.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Many threads at once, each with a team of its own, and teams within teams.
#[test]
fn crowded_and_nested() {
    let expected = all(1, 1);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_same("beside others", &expected, &all(2, 1)));
        }
    });
    let nested: Vec<_> = {
        use rayon::prelude::*;
        (0..3).into_par_iter().map(|_| all(2, 1)).collect()
    };
    nested.iter().for_each(|bits| assert_same("nested", &expected, bits));
}

/// Of nets whose first layer has more than 6,144 weights: the update of smaller ones is never fused.
#[test]
fn fused_and_unfused_updates() {
    let rules = [Optimiser::sgd(), Optimiser::momentum(), Optimiser::nesterov(), Optimiser::adam(), Optimiser::adamw()];
    for (which, hidden) in Activation::ALL.iter().copied().enumerate() {
        for rule in rules {
            let plan = |fused| Plan::new(Loss::CrossEntropy).optimiser(rule.rate(0.01).l2(1e-3)).fused(fused);
            let run =
                |fused| trained::<f32>(&[90, 70 + which, 33, 4], 41, hidden, Output::Softmax, plan(fused), 10).unwrap();
            assert_eq!(run(true), run(false), "{hidden} {:?}", rule.rule);
        }
    }
}

/// A row of a batch has the bits of the row alone, and of any part of the batch.
#[test]
fn any_split_of_a_batch() {
    for &hidden in Activation::ALL {
        for output in [Output::Linear, Output::Sigmoid, Output::Softmax] {
            let model = Mlp::<f32>::builder(&[37, 150, 66, 9]).hidden(hidden).output(output).build().unwrap();
            let mut random = Random::new(4);
            let x: Vec<f32> = (0..300 * 37).map(|_| random.uniform() as f32).collect();
            let mut scratch = Scratch::with_threads(2);
            let whole = model.predict(&x, &mut scratch).unwrap().to_vec();
            for rows in [1, 2, 7, 13, 64, 299] {
                let mut alone = Scratch::new();
                for (x, whole) in x.chunks(rows * 37).zip(whole.chunks(rows * 9)) {
                    assert_eq!(hash(model.predict(x, &mut alone).unwrap()), hash(whole), "{hidden} {output} {rows}");
                }
            }
        }
    }
}

/// The gradient of a batch does not depend on who shares the work.
#[test]
fn a_longer_run_on_many_threads() {
    for (adam, hidden) in [(false, Activation::Relu), (true, Activation::Tanh)] {
        let run = |threads| {
            let optimiser = if adam { Optimiser::adam() } else { Optimiser::sgd() };
            let plan = Plan::new(Loss::CrossEntropy).optimiser(optimiser.rate(1e-3)).threads(threads);
            trained::<f32>(&[784, 128, 10], 128, hidden, Output::Softmax, plan, 60).unwrap()
        };
        let alone = run(1);
        for threads in [2, 3, 7] {
            assert_eq!(run(threads), alone, "{threads} threads");
        }
    }
}

/// A name that no tier has, or none of this machine's, is ignored by the kernels and reported by [`Isa::requested`], never a crash.
#[test]
fn an_unknown_tier_is_no_crash() {
    let run = |isa: Option<&str>| {
        let mut bits = Command::new(env!("CARGO_BIN_EXE_bits"));
        bits.args(["1", "0"]).env_remove(Isa::VARIABLE).envs(isa.map(|isa| (Isa::VARIABLE, isa)));
        let output = bits.output().unwrap();
        let [lines, report] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{isa:?}: {report}");
        (lines, report)
    };
    let (detected, nothing) = run(None);
    assert_eq!(nothing, "");
    let absent = if cfg!(target_arch = "aarch64") { Isa::Avx2 } else { Isa::Neon };
    for (isa, error) in [
        ("sse9", IsaError::Unknown("sse9".to_owned())),
        ("avx-2", IsaError::Unknown("avx-2".to_owned())),
        (absent.name(), IsaError::Unavailable(absent)),
    ] {
        let (lines, report) = run(Some(isa));
        assert_eq!(lines, detected, "{isa} is not the detected tier");
        assert_eq!(report, format!("{}: {error}\n", Isa::VARIABLE));
    }
}

/// Every net of the benchmark's table, a thousand steps (a hundred of the widest), on every tier, on several threads, and by updates that are not fused.
/// Takes minutes: `cargo test --release -p deltarule-tests --test bits -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn a_thousand_steps_of_every_case() {
    let run = |isa: Isa, threads: usize, cases: &str| lines(isa, threads, &["1000", cases]);
    let tiers = tiers::fused();
    let first = run(tiers[0], 1, "cases");
    for &isa in &tiers {
        for threads in [1, 2, 3, 7] {
            assert_same(&format!("{isa} on {threads} threads"), &first, &run(isa, threads, "cases"));
        }
        assert_same(&format!("{isa}, not fused"), &first, &run(isa, 2, "unfused"));
    }
}
