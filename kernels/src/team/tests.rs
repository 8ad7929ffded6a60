//! Every job once, whatever the pool does; no deadlock in any pool; who is sent for, and when.

mod panics;

use super::*;
use crate::gemm::{WORK_TO_SHARE, WORK_TO_WAKE, WORK_TO_WAKE_IN_BURST, gemm_on};
use crate::view::{MatMut, MatRef};
use rayon::ThreadPoolBuilder;

/// Waits until it is so: what does not come fails, and does not hang.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "this does not come: {what}");
        std::thread::yield_now();
    }
}

/// Runs `jobs` jobs on the team and checks that each ran exactly once.
fn check(team: &Team, jobs: usize) {
    let counts: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
    team.run(jobs, |job| {
        counts[job].fetch_add(1, Ordering::Relaxed);
    });
    assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "each of {jobs} jobs runs once");
}

/// Also those of a list that is longer than a ticket can count.
#[test]
fn every_job_runs_once() {
    for threads in [0, 1, 2, 3, 7] {
        let team = Team::new(threads);
        for jobs in (0..200).chain([1000, Ticket::MOST, Ticket::MOST + 1, 2 * Ticket::MOST]) {
            check(&team, jobs);
        }
    }
}

#[test]
fn a_team_works_inside_any_pool() {
    for threads in [1, 2, 3] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let team = Team::new(4);
            for _ in 0..200 {
                check(&team, 17);
            }
        });
    }
}

/// A task that keeps a thread of the current pool busy until it is let go. It gives up after a while, so that a team that waits for it fails
/// and does not hang.
#[derive(Default)]
struct Busy {
    has_begun: AtomicBool,
    may_end: AtomicBool,
    gave_up: AtomicBool,
}

impl Busy {
    fn sent() -> Arc<Self> {
        let busy = Arc::new(Self::default());
        let task = Arc::clone(&busy);
        rayon::spawn(move || task.wait());
        busy
    }

    fn wait(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.may_end.load(Ordering::Relaxed) {
            if Instant::now() > deadline {
                return self.gave_up.store(true, Ordering::Relaxed);
            }
            std::thread::yield_now();
        }
    }

    /// Waits until a thread is busy with it.
    fn begins(&self) {
        until("a thread is busy", || self.has_begun.load(Ordering::Relaxed));
    }

    fn let_go(&self) {
        self.may_end.store(true, Ordering::Relaxed);
        assert!(!self.gave_up.load(Ordering::Relaxed), "somebody has waited for a busy thread");
    }
}

/// The other thread of two is busy all the while; and the only one has something else to do, which waits until it is done here.
#[test]
fn a_busy_pool_changes_only_the_time() {
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let busy = pool.install(|| {
            let busy = Busy::sent();
            if threads == 2 {
                busy.begins();
            }
            let here = std::thread::current().id();
            for team in [2, 3].map(Team::new) {
                for _ in 0..100 {
                    check(&team, 9);
                    team.run(9, |_| assert_eq!(std::thread::current().id(), here, "nobody else is free"));
                }
                let mut seen = Vec::new();
                let first = |i, (): &mut ()| Ok::<usize, ()>(i);
                let done = team.run_in_order(9, &mut [(); 2], &mut seen, first, |_, (), i, seen| {
                    seen.push(i);
                    Ok(())
                });
                assert_eq!((done, seen), (Ok(()), (0..9).collect::<Vec<_>>()));
            }
            assert_eq!(busy.has_begun.load(Ordering::Relaxed), threads == 2, "the only thread has been here");
            busy
        });
        busy.let_go();
    }
}

/// While the pool's other thread is busy, a helper's task is sent once more, and then no more; both end when there is nothing to do.
#[test]
fn who_does_not_come_is_sent_for_once_more() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let team = Team::new(2);
    let Some(crew) = &team.crew else { panic!("a team of two has a crew") };
    let busy = pool.install(|| {
        let busy = Busy::sent();
        busy.begins();
        check(&team, 9);
        assert_eq!(crew.invited.load(Ordering::Relaxed), 1);
        for _ in 0..10 {
            std::thread::sleep(2 * PATIENCE);
            check(&team, 9);
            assert_eq!(crew.invited.load(Ordering::Relaxed), 2, "a second task, and no third");
        }
        busy
    });
    busy.let_go();
    until("both have gone home", || crew.invited.load(Ordering::Relaxed) + crew.present.load(Ordering::Relaxed) == 0);
}

/// Two threads' shares of work, or more: larger ones while nobody is there.
#[test]
fn work_of_two_shares_is_worth_sharing() {
    let team = Team::new(2);
    let Some(crew) = &team.crew else { panic!("a team of two has a crew") };
    let is_worth_from = |least| !team.is_worth(least - 1) && team.is_worth(least);
    // Later than any time that the test will be run at.
    let (never, now) = (0, u64::MAX);
    for (invited, missed, alone_until, share) in [
        (0, 0, never, WORK_TO_WAKE),
        (0, WORK_TO_MISS - 1, never, WORK_TO_WAKE),
        (0, WORK_TO_MISS - 1, now, WORK_TO_WAKE_IN_BURST),
        (0, WORK_TO_MISS, never, WORK_TO_SHARE),
        (1, 0, never, WORK_TO_SHARE),
    ] {
        crew.invited.store(invited, Ordering::Relaxed);
        crew.missed.store(missed, Ordering::Relaxed);
        crew.alone_until.store(alone_until, Ordering::Relaxed);
        assert!(is_worth_from(2 * share), "{invited} invited, {missed} missed");
        assert_eq!(crew.missed.load(Ordering::Relaxed), missed, "a question changes nothing");
    }
    assert!(!Team::serial().is_worth(usize::MAX), "nobody is there to share with");
}

/// Work that wakes nobody is shared all the same once there has been enough of it: from then on until a helper is sent for, and again
/// after that one has gone home and as much has been missed.
#[test]
fn work_done_alone_adds_up_until_a_helper_is_sent_for() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| {
        let (team, piece) = (Team::new(2), 2 * WORK_TO_SHARE);
        let Some(crew) = &team.crew else { panic!("a team of two has a crew") };
        for burst in 0..2 {
            for i in 0..WORK_TO_MISS / piece {
                assert!(!team.is_worth(piece), "burst {burst}, after {i} pieces");
                team.done_alone(piece);
                team.done_alone(piece - 1);
            }
            assert!(team.is_worth(piece), "burst {burst}");
            check(&team, 9);
            until("helpers go home", || crew.invited.load(Ordering::Relaxed) == 0);
        }
    });
}

/// Work that is worth waking a helper for when more follows says when it was done; smaller work does not ask for the time.
#[test]
fn work_done_alone_may_begin_a_burst() {
    let team = Team::new(2);
    let Some(crew) = &team.crew else { panic!("a team of two has a crew") };
    team.done_alone(2 * WORK_TO_WAKE_IN_BURST - 1);
    assert!(crew.alone_until.load(Ordering::Relaxed) == 0 && !team.is_in_burst());
    team.done_alone(2 * WORK_TO_WAKE_IN_BURST);
    assert!(crew.alone_until.load(Ordering::Relaxed) > 0);
    crew.alone_until.store(1, Ordering::Relaxed);
    std::thread::sleep(2 * LINGER);
    assert!(!team.is_in_burst(), "nobody would have waited so long");
}

#[test]
fn a_product_done_alone_is_counted_once() {
    let team = Team::new(2);
    let Some(crew) = &team.crew else { panic!("a team of two has a crew") };
    let (a, b, mut c) = (vec![1.0_f32; 64 * 64], vec![1.0; 64 * 64], vec![0.0; 64 * 64]);
    let view = |values| MatRef::new(values, 64, 64).unwrap();
    for products in 1..=3 {
        gemm_on(&team, 1.0, view(&a), view(&b), 0.0, MatMut::new(&mut c, 64, 64).unwrap()).unwrap();
        assert_eq!(crew.missed.load(Ordering::Relaxed), products * 64 * 64 * 64);
    }
    // Few columns, which are computed as rows, by a product of their own.
    let (a, b, mut c) = (vec![1.0_f32; 128 * 128], vec![1.0; 10 * 128], vec![0.0; 128 * 10]);
    let (a, b) = (MatRef::new(&a, 128, 128).unwrap(), MatRef::new(&b, 10, 128).unwrap());
    let before = crew.missed.load(Ordering::Relaxed);
    gemm_on(&team, 1.0, a, b.t(), 0.0, MatMut::new(&mut c, 128, 10).unwrap()).unwrap();
    assert_eq!(crew.missed.load(Ordering::Relaxed), before + 128 * 10 * 128);
}

#[test]
fn a_call_from_inside_a_job_and_from_another_thread_runs_alone() {
    let team = Team::new(3);
    let alone = || {
        let here = std::thread::current().id();
        team.run(20, |_| assert_eq!(std::thread::current().id(), here, "on its own thread"));
        check(&team, 20);
    };
    team.run(20, |_| alone());
    // The list is out until the other thread has done its own.
    let (is_out, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until("a list is out", || is_out.load(Ordering::Relaxed));
            alone();
            is_done.store(true, Ordering::Relaxed);
        });
        team.run(2, |_| {
            is_out.store(true, Ordering::Relaxed);
            until("the other thread is done", || is_done.load(Ordering::Relaxed));
        });
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..200).for_each(|_| check(&team, 30)));
        }
    });
}

/// (How soon is no matter for a test: see [`LINGER`].)
#[test]
fn helpers_go_home() {
    let team = Team::new(4);
    let Some(crew) = &team.crew else { panic!("a team of four has a crew") };
    for _ in 0..2 {
        check(&team, 100);
        until("helpers go home, the first after it has waited for work", || {
            crew.is_quiet.load(Ordering::Relaxed)
                && crew.invited.load(Ordering::Relaxed) + crew.present.load(Ordering::Relaxed) == 0
        });
    }
}

/// Each number once, on a place of its own, and what follows in the order of the numbers, wherever the threads come from.
#[test]
fn what_goes_in_order_goes_in_order() {
    for (threads, places) in [(1, 1), (2, 1), (2, 2), (5, 5), (5, 2), (3, 9)] {
        let team = Team::new(threads);
        for jobs in (0..50).chain([1000]) {
            let mut places = vec![usize::MAX; places];
            let mut seen = Vec::new();
            let begin = |i: usize, place: &mut usize| {
                // Another thread on this place would be seen at the end.
                *place = i;
                (0..(i * 7919) % 200).for_each(|_| spin_loop());
                Ok::<usize, ()>(i + 1)
            };
            let done = team.run_in_order(jobs, &mut places, &mut seen, begin, |i, place, result, seen| {
                assert_eq!((*place, result), (i, i + 1));
                seen.push(i);
                Ok(())
            });
            assert_eq!(done, Ok(()));
            assert!(seen.iter().copied().eq(0..jobs), "{jobs} jobs of {threads} threads on {} places", places.len());
        }
    }
}

#[test]
fn an_error_ends_what_goes_in_order() {
    for threads in [1, 2, 5] {
        let team = Team::new(threads);
        for (bad_first, bad_then) in [(0, 100), (41, 100), (100, 0), (100, 41)] {
            let mut seen = Vec::new();
            let done = team.run_in_order(
                100,
                &mut [(); 5],
                &mut seen,
                |i, ()| if i == bad_first { Err(i) } else { Ok(()) },
                |i, (), (), seen| {
                    seen.push(i);
                    if i == bad_then { Err(i) } else { Ok(()) }
                },
            );
            let bad = bad_first.min(bad_then);
            assert_eq!(done, Err(bad), "{threads} threads");
            assert!(seen.iter().copied().eq(0..seen.len()) && seen.len() <= bad + 1, "{threads} threads: {seen:?}");
        }
    }
}

#[test]
fn every_chunk_goes_to_one_job() {
    for threads in [1, 2, 5] {
        let team = Team::new(threads);
        for (items, len) in [(0, 3), (1, 3), (99, 3), (100, 3), (100, 1), (5, 100)] {
            let mut seen = vec![0; items];
            team.run_chunks(&mut seen, len, |index, part| {
                assert!(part.len() == len || (index + 1) * len > items, "only the last chunk is shorter");
                part.iter_mut().for_each(|item| *item += index + 1);
            });
            assert!(seen.iter().copied().eq((0..items).map(|i| i / len + 1)), "{items} by {len}, {threads} threads");
        }
    }
}
