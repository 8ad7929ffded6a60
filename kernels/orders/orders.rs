//! The orders of memory of a team's protocols: loom runs these models in the orders that their threads can come in, and with every value that an
//! atomic may still show to one of them, old ones too, of which an x86-64 shows few. The protocols are the kernels' own sources, on loom's atomics.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p deltarule-orders`
//!
//! What is not atomic is loom's [`UnsafeCell`]: it fails when two threads use it and no order is between them.

#![cfg(loom)]

#[path = "../src/team/claims.rs"]
mod claims;
#[path = "../src/team/ticket.rs"]
mod ticket;
#[path = "../src/team/turns.rs"]
mod turns;

/// In the place of `src/team/sync.rs`.
mod sync {
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    pub(super) fn relax(_: &mut u32) {
        loom::thread::yield_now();
    }
}

use claims::{Claims, Engagement};
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use ticket::Ticket;
use turns::Turns;

fn read(cell: &UnsafeCell<()>) {
    cell.with(|_| ());
}

fn write(cell: &UnsafeCell<()>) {
    cell.with_mut(|_| ());
}

/// Memory that is not atomic.
fn memory<const N: usize>() -> [UnsafeCell<()>; N] {
    std::array::from_fn(|_| UnsafeCell::new(()))
}

/// Runs a model in every order of its threads in which none is interrupted more than `LOOM_MAX_PREEMPTIONS` times, by default three: a second,
/// where all orders take minutes.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(run);
}

/// A crew without a pool. (Loom's threads take turns on one of the system's: what only counts may be a `Cell`, in an `Rc`.)
struct Crew {
    engagement: Engagement,
    claims: Claims,
    list: UnsafeCell<()>,
    results: [UnsafeCell<()>; 2],
    done: [Cell<usize>; 2],
}

impl Crew {
    fn new() -> Rc<Self> {
        let [list] = memory();
        Rc::new(Self {
            engagement: Engagement::new(),
            claims: Claims::new(),
            list,
            results: memory(),
            done: Default::default(),
        })
    }

    /// A caller with a list, who does all jobs that are left, or fails after `most`.
    fn call(&self, jobs: usize, most: usize) {
        if !self.engagement.engage() {
            return;
        }
        self.done.iter().for_each(|done| done.set(0));
        write(&self.list);
        let listed = self.claims.publish(jobs);
        for _ in 0..most {
            let Some(job) = self.claims.claim(Ticket::take_front) else { break };
            self.finish(job);
        }
        self.claims.wait_for_claimed(listed);
        for job in 0..jobs {
            read(&self.results[job]);
            let done = self.done[job].get();
            assert!(done == 1 || done == 0 && most < jobs, "each job once");
        }
        self.engagement.release();
    }

    /// A helper for one job, if there is any.
    fn help(&self) {
        if let Some(job) = self.claims.claim(Ticket::take_back) {
            read(&self.list);
            self.finish(job);
        }
    }

    fn finish(&self, job: usize) {
        self.claims.ended_after(|| {
            write(&self.results[job]);
            self.done[job].set(self.done[job].get() + 1);
        });
    }
}

/// A helper that has looked at one list may claim a job of the next, also where their tickets are the same word.
#[test]
fn lists_follow_one_another() {
    for lists in [[1, 1], [2, 1], [1, 2]] {
        model(move || {
            let crew = Crew::new();
            let helped = Rc::clone(&crew);
            let helper = spawn(move || (0..2).for_each(|_| helped.help()));
            lists.into_iter().for_each(|jobs| crew.call(jobs, jobs));
            helper.join().expect("a helper");
        });
    }
}

/// The caller acquires the ends of both by one look.
#[test]
fn two_helpers_end_side_by_side() {
    model(|| {
        let crew = Crew::new();
        let helpers = [0, 1].map(|_| {
            let crew = Rc::clone(&crew);
            spawn(move || crew.help())
        });
        crew.call(2, 2);
        helpers.into_iter().for_each(|helper| helper.join().expect("a helper"));
    });
}

/// It waits for the job that a helper has, if any, and takes the others back.
#[test]
fn a_caller_that_fails_waits_for_what_is_claimed() {
    for most in [0, 1] {
        model(move || {
            let crew = Crew::new();
            let helped = Rc::clone(&crew);
            let helper = spawn(move || helped.help());
            crew.call(2, most);
            helper.join().expect("a helper");
        });
    }
}

#[test]
fn a_caller_follows_another() {
    model(|| {
        let crew = Crew::new();
        let other = Rc::clone(&crew);
        let other = spawn(move || other.call(1, 1));
        crew.call(1, 1);
        other.join().expect("a caller");
    });
}

/// Turns, what lies on their places, and what is changed in order.
struct Sum {
    turns: Turns,
    places: [UnsafeCell<()>; 2],
    state: UnsafeCell<()>,
    seen: RefCell<Vec<usize>>,
}

impl Sum {
    fn take_turn(&self, bad: Option<usize>) {
        let Some(mut turn) = self.turns.begin() else { return };
        write(&self.places[turn.place]);
        if bad == Some(turn.number) || !turn.has_come() {
            return;
        }
        read(&self.places[turn.place]);
        write(&self.state);
        self.seen.borrow_mut().push(turn.number);
        turn.is_done = true;
    }
}

/// Three turns of two threads, and what has been seen in order.
fn seen(places: usize, bad: Option<usize>) -> Vec<usize> {
    let [state] = memory();
    let sum = Rc::new(Sum { turns: Turns::new(places), places: memory(), state, seen: RefCell::default() });
    let other = Rc::clone(&sum);
    let other = spawn(move || other.take_turn(bad));
    (0..2).for_each(|_| sum.take_turn(bad));
    other.join().expect("a thread");
    sum.seen.take()
}

#[test]
fn turns_come_in_order() {
    for places in [1, 2] {
        model(move || assert_eq!(seen(places, None), [0, 1, 2]));
    }
}

#[test]
fn no_turn_follows_one_that_was_not_done() {
    for (places, bad) in [(1, 1), (2, 0), (2, 1)] {
        model(move || assert!(seen(places, Some(bad)).into_iter().eq(0..bad)));
    }
}
