//! Trains small nets again and again while the pool is anything but kind, and compares every result with the one of a single thread:
//! pools of any size, calls from inside and outside, teams within teams, pools that spin, sleep, or never answer.
//!
//! `soak [SECONDS] [SEED]`, ten minutes unless told. Fails on a wrong bit, and when a round has not ended after a minute.

use deltarule::{Activation, Loss, Optimiser, Output, Plan};
use deltarule_tests::fingerprint::trained;
use deltarule_tests::random::Random;
use rayon::prelude::*;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A round that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Widths, batch.
const NETS: [(&[usize], usize); 4] =
    [(&[3, 40, 2], 50), (&[100, 128, 10], 128), (&[5, 200, 150, 3], 300), (&[300, 256, 4], 64)];
const STEPS: usize = 8;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let (Ok(seconds), Ok(seed)) = (arguments.next().unwrap_or(Ok(600)), arguments.next().unwrap_or(Ok(1))) else {
        eprintln!("usage: soak [SECONDS] [SEED]");
        return ExitCode::from(2);
    };
    let expected: Vec<u64> = (0..NETS.len()).map(|net| train(net, 1)).collect();
    let (rounds, begun) = (AtomicU64::new(0), Instant::now());
    let over = AtomicBool::new(false);
    let sound = std::thread::scope(|scope| {
        scope.spawn(|| watch(&rounds, &over));
        let mut random = Random::new(seed);
        let mut sound = true;
        while sound && begun.elapsed() < Duration::from_secs(seconds) {
            sound = round(&mut random, &expected);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
        over.store(true, Ordering::Relaxed);
        sound
    });
    let rounds = rounds.into_inner();
    println!(
        "{rounds} rounds in {} s, seed {seed}: {}",
        begun.elapsed().as_secs(),
        if sound { "all equal" } else { "DIFFERENT" }
    );
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The bits of one short training.
fn train(net: usize, threads: usize) -> u64 {
    let (widths, batch) = NETS[net];
    let optimiser = if net.is_multiple_of(2) { Optimiser::adam() } else { Optimiser::sgd() };
    let plan = Plan::new(Loss::CrossEntropy).optimiser(optimiser.rate(1e-3)).threads(threads);
    trained::<f32>(widths, batch, Activation::Relu, Output::Softmax, plan, STEPS).unwrap_or(0)
}

/// Ends the program where rounds no longer end.
fn watch(rounds: &AtomicU64, over: &AtomicBool) {
    let (mut seen, mut since) = (0, Instant::now());
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(200));
        let now = rounds.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            eprintln!("round {now} has not ended after {} s", PATIENCE.as_secs());
            std::process::exit(1);
        }
    }
}

/// One net in one state of the pool.
fn round(random: &mut Random, expected: &[u64]) -> bool {
    let (net, threads, workers) = (random.below(NETS.len()), 1 + random.below(8), 1 + random.below(6));
    let state = random.below(6);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(workers).build() else {
        eprintln!("no pool of {workers}");
        return false;
    };
    let right = |bits: u64| bits == expected[net];
    let sound = match state {
        0 => right(train(net, threads)),
        1 => right(pool.install(|| train(net, threads))),
        2 => pool.install(|| (0..4).into_par_iter().all(|_| right(train(net, threads)))),
        3 => beside(&pool, workers, std::hint::spin_loop, || right(pool.install(|| train(net, threads)))),
        4 => beside(&pool, workers, || std::thread::sleep(Duration::from_millis(1)), || right(train(net, threads))),
        // Ordinary threads side by side, each with a team that asks the one global pool.
        _ => std::thread::scope(|scope| {
            let all: Vec<_> = (0..3).map(|_| scope.spawn(|| right(train(net, threads)))).collect();
            all.into_iter().all(|one| one.join().unwrap_or(false))
        }),
    };
    if !sound {
        eprintln!("different: net {net}, {threads} threads, a pool of {workers}, state {state}");
    }
    sound
}

/// `work`, while all but one of the pool's threads do nothing but `idle`.
fn beside(pool: &rayon::ThreadPool, workers: usize, idle: impl Fn() + Sync, work: impl FnOnce() -> bool) -> bool {
    let stop = AtomicBool::new(false);
    pool.in_place_scope(|scope| {
        for _ in 1..workers {
            scope.spawn(|_| {
                while !stop.load(Ordering::Relaxed) {
                    idle();
                }
            });
        }
        let sound = work();
        stop.store(true, Ordering::Relaxed);
        sound
    })
}
