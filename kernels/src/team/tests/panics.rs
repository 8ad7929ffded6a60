//! A panic in a job reaches the caller, once everything that was begun has ended, and leaves nothing behind.

use super::*;
use crate::execute::Multiply;
use crate::gemm::{Destination, Output, Product, Start, gemm_on};
use crate::view::{MatMut, MatRef};

/// A panic that prints nothing, and carries the number of its job.
fn fail(job: usize) -> ! {
    resume_unwind(Box::new(job))
}

/// The number of the job whose panic `run` ends with.
fn failed(run: impl FnOnce()) -> usize {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the panic is carried");
    *panic.downcast::<usize>().expect("what the job has carried")
}

#[test]
fn a_panic_reaches_the_caller_and_the_team_goes_on() {
    let team = Team::new(3);
    for bad in [0, 1, 25, 49] {
        for _ in 0..50 {
            let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let job = failed(|| {
                team.run(50, |job| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    if job == bad {
                        fail(job);
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            });
            assert_eq!(job, bad);
            assert_eq!(begun.into_inner(), ended.into_inner() + 1, "all others that were begun have ended");
            check(&team, 50);
        }
    }
}

/// Two threads that have met, each in a job; the caller fails, its helper a while later, or both. The next list knows nothing of it.
#[test]
fn whoever_fails_all_have_ended_and_the_next_list_is_new() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| {
        let (team, caller) = (Team::new(2), std::thread::current().id());
        for (caller_fails, helper_fails) in [(true, false), (false, true), (true, true)] {
            for _ in 0..5 {
                let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
                let job = failed(|| {
                    team.run(2, |job| {
                        begun.fetch_add(1, Ordering::Relaxed);
                        until("two threads meet", || begun.load(Ordering::Relaxed) == 2);
                        let is_caller = std::thread::current().id() == caller;
                        if !is_caller {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        ended.fetch_add(1, Ordering::Relaxed);
                        let fails = if is_caller { caller_fails } else { helper_fails };
                        if fails {
                            fail(job);
                        }
                    });
                });
                assert_eq!(job, usize::from(!caller_fails), "the caller's own panic, if it has one");
                assert_eq!(ended.into_inner(), 2, "the caller has waited for its helper");
                check(&team, 9);
            }
        }
    });
}

#[test]
fn a_panic_ends_what_goes_in_order() {
    for threads in [1, 2, 5] {
        let team = Team::new(threads);
        for in_turn in [false, true] {
            let fails = |i: usize, here: bool| {
                if i == 17 && here == in_turn {
                    fail(i);
                }
            };
            let run = || {
                let first = |i, (): &mut ()| {
                    fails(i, false);
                    Ok::<(), ()>(())
                };
                let done = team.run_in_order(100, &mut [(); 5], &mut (), first, |i, (), (), ()| {
                    fails(i, true);
                    Ok(())
                });
                assert_eq!(done, Ok(()));
            };
            assert_eq!(failed(run), 17, "{threads} threads");
            check(&team, 17);
        }
    }
}

/// Epilogues that fail on all threads, with C in its place and in scratch: the same product is whole afterwards, its scratch used again.
#[test]
fn a_product_after_one_that_failed_is_whole() {
    let [m, n, k] = [96, 128, 160];
    // Whole numbers, whose sums are exact.
    let a: Vec<f32> = (0..m * k).map(|i| (i % 23) as f32 - 11.0).collect();
    let b: Vec<f32> = (0..n * k).map(|i| (i % 19) as f32 - 9.0).collect();
    let at = |i: usize, j: usize| (0..k).map(|p| a[i * k + p] * b[j * k + p]).sum::<f32>();
    let right: Vec<f32> = (0..m * n).map(|i| at(i / n, i % n)).collect();
    let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, n, k).unwrap().t());

    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| {
        let team = Team::new(2);
        for destination in [Destination::C, Destination::Scratch] {
            let mut c = vec![0.0; m * n];
            let mut view = MatMut::new(&mut c, m, n).unwrap();
            let to = Output::from(&mut view);
            // SAFETY: the views vouch for the operands until the product has been run.
            let product = unsafe { Product::new(a.into(), b.into(), to, Start::Zero, [m, n, k]) };
            // As if much had been done alone: so little work is shared then.
            team.done_alone(usize::MAX / 2);
            assert_eq!(failed(|| team.multiply(&product, destination, true, |_| fail(7))), 7);
            for _ in 0..3 {
                c.fill(f32::NAN);
                gemm_on(&team, 1.0, a, b, 0.0, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                assert_eq!(c, right);
            }
        }
    });
}
