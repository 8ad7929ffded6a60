//! An elastic team: the caller works through a list of jobs, and helpers join it when they arrive.
//!
//! A fork-join on a thread pool costs tens of microseconds when the pool sleeps, longer than most products of a small net take.
//! Here nobody is waited for. Six jobs, of which a helper gets two:
//!
//! ```text
//! caller   ──publish──▶ claims jobs 0, 1, 2, 3  ──▶ waits only for jobs that a helper has claimed ──▶ goes on
//! helper          ╰──▶ claims jobs 5, 4  ──▶ lingers a bounded while for the next list ──▶ goes home
//! ```
//!
//! * Only turns wait for those before them ([`Team::run_in_order`]), which somebody is at.
//! * Helpers are tasks on the caller's own rayon pool (the global one for a thread outside any pool). A pool that is busy, of
//!   size one or asleep changes only the time that the caller takes: it then does all jobs itself.
//! * A helper stays for as long as lists keep coming, list after list, through all of a training if need be. Its thread does nothing else of the
//!   pool's meanwhile: what that means to other work there, and how to keep them apart, see [`Team`].
//! * A claim is one compare-and-swap on a ticket that tells which jobs are left. Who has one looks at the list only then, so it is the
//!   present one, however late a helper comes.
//! * The caller claims from the front, helpers from the back. From step to step a thread so meets nearly the same jobs, and finds
//!   their weights in its own caches.
//! * Work too small to wake a helper is done alone, until it adds up: see [`WORK_TO_MISS`]; larger one that comes alone, too, until the next
//!   follows within [`LINGER`].
//! * A helper that does not come is sent for once more, with a later list, see [`PATIENCE`]; who comes when others have gone home goes too.
//! * A helper that finds no list spins for [`LINGER`], then ends its task. The caller, at the end of a list, waits for the jobs that others have
//!   claimed, and a turn for a place and for the turns before it: as long as those take, on the core at first, then by giving it away.
//!   Nothing else waits.
//! * A call from inside a job, or from a second thread while a list is out, runs alone on its own thread.
//! * A panic in a job is carried to the caller once every claimed job has ended. No lock is held at any time.
//!
//! What a job computes must not depend on who does it, or in which order jobs are done: then the bits don't either.

mod claims;
mod parts;
mod sync;
mod ticket;
mod turns;

pub(crate) use parts::Parts;

use claims::{Claims, Engagement};
use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use ticket::Ticket;
use turns::Turns;

/// How long a helper without work waits for the next list before it ends. Long enough to stay through the serial moments of a
/// training step, short enough that an idle program is idle.
const LINGER: Duration = Duration::from_micros(200);
// A test cannot time it; what [`Team`] tells its users is so much.
const _: () = assert!(LINGER.as_micros() <= 200, "no longer than is documented");

/// How long an invited helper may be on its way before another task is sent, once. Some systems put the thread that is woken behind the
/// caller, on the same core, where it waits for as long as the caller works; a second thread of the pool, which slept elsewhere, then
/// finds the free core (a virtual machine of two cores, 128³ after a pause of 100 ms: one thread's speed for 15 ms and more in nine pauses
/// of twelve; with a second invitation two threads' after 0.3 ms in all of 36).
const PATIENCE: Duration = Duration::from_micros(100);

/// Multiply-adds done alone, for want of a helper who is awake, that are together worth waking one: some tenths of a millisecond of one
/// thread, of which to send for the helper takes some hundredths. So a burst of products that are too small to wake anybody has two threads
/// all the same (Zen 4, two of them, 64³: 113 → 185 GFLOP/s, 128×10×128 88 → 113, 10×128×128 tn 110 → 156), and those that come now and then
/// do not pay for a helper each.
const WORK_TO_MISS: usize = 20_000_000;

/// The time since this was first asked, and never zero.
fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).map_or(u64::MAX, |passed| passed.max(1))
}

/// See [`Team::invitations`].
static INVITATIONS: AtomicUsize = AtomicUsize::new(0);

/// Up to `threads` threads that share work: the caller, and helpers that come and go.
///
/// Cheap to make and to keep; a team of one never touches rayon.
///
/// # Beside other work
/// A helper is a task of the pool that the caller is in, or of rayon's global one. It stays until it has found nothing to do for 200 µs, or the
/// team is gone: a thread of the pool that helps with a training, say, may do so until that ends or pauses. So may a thread that waits in a
/// `join` or a `scope` of its own: it takes up whatever task there is meanwhile, this one as well, and goes on only when the helper has gone
/// home. Where other work must not wait for that, the team wants a pool of its own: make one with `rayon::ThreadPoolBuilder`, and all the team's
/// calls inside of its `install`. All of them: a team does not ask whose pool its helpers are in. Those that were sent for from another pool, or
/// from outside of any, serve these calls as well until they have gone home, and while they wait for a thread there none may be sent for here.
///
/// # Panics
/// rayon starts its threads when a team of several first shares work. Where it cannot, that call panics, whichever it is (a product, a
/// layer's pass, an update, the gathering of rows, [`run`](Self::run)), once everything that was begun has ended; what it was to write is
/// incomplete then.
#[derive(Debug)]
pub struct Team {
    threads: usize,
    crew: Option<Arc<Crew>>,
}

impl Team {
    /// More threads than these count as so many.
    const MOST_THREADS: usize = 1 << 12;

    /// Places that [`run_in_order`](Self::run_in_order) uses at most.
    pub const MOST_PLACES: usize = turns::MOST_PLACES;

    /// The caller alone.
    pub const fn serial() -> Self {
        Self { threads: 1, crew: None }
    }

    /// The caller and up to `threads − 1` helpers. Zero counts as one, and more than 4,096 as so many.
    pub fn new(threads: usize) -> Self {
        if threads <= 1 {
            return Self::serial();
        }
        let threads = threads.min(Self::MOST_THREADS);
        Self { threads, crew: Some(Arc::new(Crew::new(threads - 1))) }
    }

    /// A team as large as rayon's current pool, which follows the machine or `RAYON_NUM_THREADS`.
    ///
    /// # Panics
    /// When rayon cannot start its threads.
    pub fn of_pool() -> Self {
        Self::new(rayon::current_num_threads())
    }

    /// How many threads may work together, the caller included.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Whether a helper has been sent for and not gone home yet: then smaller pieces of work are worth sharing. Only a hint.
    pub(crate) fn is_attended(&self) -> bool {
        self.crew.as_ref().is_some_and(|crew| crew.invited.load(Ordering::Relaxed) > 0)
    }

    /// Whether pieces of work are worth sharing that are not worth waking a helper for: when one is attending, or when so much has been done
    /// alone since the last was sent for ([`WORK_TO_MISS`]) that the next will be welcome. Only a hint.
    pub(crate) fn shares_small_work(&self) -> bool {
        self.crew.as_ref().is_some_and(|crew| {
            crew.invited.load(Ordering::Relaxed) > 0 || crew.missed.load(Ordering::Relaxed) >= WORK_TO_MISS
        })
    }

    /// Counts `work` multiply-adds as done alone, unless a helper is attending, whom they were too small for. Two callers at once may lose a count.
    pub(crate) fn misses_helpers(&self, work: usize) {
        if let Some(crew) = &self.crew
            && crew.invited.load(Ordering::Relaxed) == 0
        {
            let missed = crew.missed.load(Ordering::Relaxed);
            crew.missed.store(missed.saturating_add(work), Ordering::Relaxed);
        }
    }

    /// Says that work was done alone just now that is worth waking a helper for if more of its kind follows.
    pub(crate) fn may_begin_burst(&self) {
        if let Some(crew) = &self.crew {
            crew.alone_until.store(nanoseconds(), Ordering::Relaxed);
        }
    }

    /// Whether such work has just been done: a helper that had been sent for would still be here. Only a hint.
    pub(crate) fn is_in_burst(&self) -> bool {
        self.crew.as_ref().is_some_and(|crew| {
            let until = crew.alone_until.load(Ordering::Relaxed);
            until > 0 && u128::from(nanoseconds().saturating_sub(until)) <= LINGER.as_nanos()
        })
    }

    /// Tasks that all teams of this program have sent to their pools so far. rayon allocates each; nothing else here allocates.
    pub fn invitations() -> usize {
        INVITATIONS.load(Ordering::Relaxed)
    }

    /// Runs `job(0)`, …, `job(jobs − 1)`, each once, in any order, and returns when all have ended.
    ///
    /// # Panics
    /// When a job panics, or rayon cannot start its threads, after every job that was begun has ended.
    pub fn run(&self, jobs: usize, job: impl Fn(usize) + Sync) {
        match &self.crew {
            Some(crew) if jobs > 1 && crew.engagement.engage() => {
                let _release = Release(crew);
                crew.work_through(jobs, &job);
            }
            _ => (0..jobs).for_each(job),
        }
    }
}

/// Jobs that change something of their own.
impl Team {
    /// Runs `first(i, place)` for every `i` below `jobs`, in any order, and after it `then(i, place, result, state)`, one after the other in
    /// the order of `i`. The place is one of `places`, of which no more than [`MOST_PLACES`](Self::MOST_PLACES) are used, and nobody
    /// else's from the beginning of the one to the end of the other.
    ///
    /// Turns wait for those before them, so neither may wait for tasks of a rayon pool: a thread that waits there may take up another turn.
    ///
    /// # Errors
    /// The error of one `first` or `then`; others may be done nevertheless, but no `then` behind one that failed.
    ///
    /// # Panics
    /// When there is no place; or when `first` or `then` panics, or rayon cannot start its threads, after everything that was begun has ended.
    #[inline]
    pub fn run_in_order<P: Send, S: Send, R, E: Send + Sync>(
        &self,
        jobs: usize,
        places: &mut [P],
        state: &mut S,
        first: impl Fn(usize, &mut P) -> Result<R, E> + Sync,
        then: impl Fn(usize, &mut P, R, &mut S) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        if self.crew.is_none() || places.len() == 1 {
            let place = &mut places[0];
            return (0..jobs).try_for_each(|i| {
                let result = first(i, place)?;
                then(i, place, result, state)
            });
        }
        let turns = Turns::new(places.len());
        let (places, state) = (Parts::of(places), Parts::of(std::slice::from_mut(state)));
        let failed = OnceLock::new();
        self.run(jobs, |_| {
            let Some(mut turn) = turns.begin() else { return };
            // SAFETY: the place is this turn's alone until it ends.
            let place = unsafe { places.one(turn.place) };
            let done = first(turn.number, place).and_then(|result| {
                if !turn.has_come() {
                    return Ok(false);
                }
                // SAFETY: it is this turn's turn, and nobody else's until it ends.
                then(turn.number, place, result, unsafe { state.one(0) }).map(|()| true)
            });
            match done {
                Ok(done) => turn.is_done = done,
                // A second error says no more than the first.
                Err(error) => drop(failed.set(error)),
            }
        });
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// Runs `job(i, part)` for each part of `len` elements of `items`, the last perhaps shorter, each once, in any order.
    ///
    /// # Panics
    /// `len` is zero; or when a job panics, or rayon cannot start its threads, after every job that was begun has ended.
    pub fn run_chunks<A: Send>(&self, items: &mut [A], len: usize, job: impl Fn(usize, &mut [A]) + Sync) {
        let (all, jobs) = (items.len(), items.len().div_ceil(len));
        let items = Parts::of(items);
        self.run(jobs, |i| {
            let first = i * len;
            // SAFETY: the parts are disjoint and inside the slice, and `run` does each job once.
            job(i, unsafe { items.part(first..first + len.min(all - first)) });
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if let Some(crew) = &self.crew {
            crew.dismissed.store(true, Ordering::Relaxed);
        }
    }
}

/// A list of jobs: valid from its publication until all its claimed jobs have ended.
#[derive(Clone, Copy)]
struct List {
    job: *const (dyn Fn(usize) + Sync),
}

/// What caller and helpers share. It outlives the team while a helper's task is still on its way.
struct Crew {
    /// Whether a caller publishes lists.
    engagement: Engagement,
    /// Which jobs of the present list are claimed and ended.
    claims: Claims,
    /// Written by the engaged caller while no job can be claimed, read only after a claim.
    list: UnsafeCell<Option<List>>,
    /// The team is gone.
    dismissed: AtomicBool,
    /// Helpers' tasks in the pool, begun or not.
    invited: AtomicUsize,
    /// Those of them that are at work, or linger.
    present: AtomicUsize,
    /// A helper has gone home, and there was no list since.
    is_quiet: AtomicBool,
    /// When the last one was sent for; the engaged caller's.
    invited_at: UnsafeCell<Option<Instant>>,
    /// Multiply-adds that were done alone since then.
    missed: AtomicUsize,
    /// When work was last done alone that is worth a helper if more follows, in [`nanoseconds`], 0 for never.
    alone_until: AtomicU64,
    helpers: usize,
    /// The first panic of a helper in the present list.
    panic: UnsafeCell<Option<Box<dyn Any + Send>>>,
    panicked: AtomicBool,
}

// SAFETY: `list`, `invited_at` and `panic` are guarded by the protocol: `invited_at` is the engaged caller's alone; `list` is written only
// by that caller while the ticket shows no job to claim and every claimed job has ended, and read only by who has claimed a job; `panic` is
// written by the one helper that sets `panicked` first, and taken by the caller after all jobs have ended.
unsafe impl Sync for Crew {}
// SAFETY: as above; the job behind the pointer is `Sync`.
unsafe impl Send for Crew {}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").field("helpers", &self.helpers).finish_non_exhaustive()
    }
}

/// Lets the next caller engage the crew, also when a job has panicked.
struct Release<'a>(&'a Crew);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.engagement.release();
    }
}

impl Crew {
    fn new(helpers: usize) -> Self {
        Self {
            engagement: Engagement::new(),
            claims: Claims::new(),
            list: UnsafeCell::new(None),
            dismissed: AtomicBool::new(false),
            invited: AtomicUsize::new(0),
            present: AtomicUsize::new(0),
            is_quiet: AtomicBool::new(false),
            invited_at: UnsafeCell::new(None),
            missed: AtomicUsize::new(0),
            alone_until: AtomicU64::new(0),
            helpers,
            panic: UnsafeCell::new(None),
            panicked: AtomicBool::new(false),
        }
    }

    /// Publishes the list, works on it, waits for what others have claimed.
    fn work_through(self: &Arc<Self>, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime changes. The pointer is followed only between a claim and the end of the claimed job, and
        // this function does not return, or unwind, before every claimed job has ended.
        let job: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(job) };
        // SAFETY: this caller is engaged and no job can be claimed: nobody else looks at the list.
        unsafe { *self.list.get() = Some(List { job }) };
        let listed = self.claims.publish(jobs);

        let mine = catch_unwind(AssertUnwindSafe(|| {
            // rayon panics where it cannot start its threads.
            self.invite(jobs - 1);
            while let Some(index) = self.claims.claim(Ticket::take_front) {
                self.claims.ended_after(|| job(index));
            }
            // A list longer than the ticket can count: the rest is the caller's.
            (listed..jobs).for_each(job);
        }));
        self.claims.wait_for_claimed(listed);
        if let Err(panic) = mine {
            // One of a helper's says no more, and must not be left to the next list.
            self.take_panic();
            resume_unwind(panic);
        }
        if let Some(panic) = self.take_panic() {
            resume_unwind(panic);
        }
    }

    /// Sends as many helpers' tasks to the pool as the list can use, the pool has threads, and are not there yet; as many again after a while in
    /// which they have not come.
    fn invite(self: &Arc<Self>, useful: usize) {
        let wanted = self.helpers.min(useful);
        let present = self.present.load(Ordering::Relaxed);
        if present >= wanted {
            return;
        }
        let others = rayon::current_num_threads() - usize::from(rayon::current_thread_index().is_some());
        let wanted = wanted.min(others).max(present);
        if others == 0 {
            self.missed.store(0, Ordering::Relaxed);
        }
        self.is_quiet.store(false, Ordering::Relaxed);
        // SAFETY: this caller is engaged.
        let invited_at = unsafe { &mut *self.invited_at.get() };
        let mut sent = self.invited.load(Ordering::Relaxed);
        let is_late = sent >= wanted && invited_at.is_some_and(|at| at.elapsed() > PATIENCE);
        let wanted = if is_late { wanted + (wanted - present) } else { wanted };
        if sent < wanted {
            *invited_at = Some(Instant::now());
            self.missed.store(0, Ordering::Relaxed);
        }
        while sent < wanted {
            self.invited.fetch_add(1, Ordering::Relaxed);
            INVITATIONS.fetch_add(1, Ordering::Relaxed);
            let crew = Arc::clone(self);
            rayon::spawn(move || crew.welcome());
            sent += 1;
        }
    }

    /// A helper's whole task. Who comes late, when there are enough or all is done, goes at once.
    fn welcome(&self) {
        let is_late = self.present.fetch_add(1, Ordering::Relaxed) >= self.helpers;
        if !is_late && !self.is_quiet.load(Ordering::Relaxed) {
            self.help();
        }
        self.present.fetch_sub(1, Ordering::Relaxed);
        self.invited.fetch_sub(1, Ordering::Relaxed);
    }

    /// Helps while there is something to do.
    fn help(&self) {
        let mut idle_since = None;
        let mut spins = 0;
        while !self.dismissed.load(Ordering::Relaxed) {
            if let Some(index) = self.claims.claim(Ticket::take_back) {
                self.help_with(index);
                (idle_since, spins) = (None, 0);
                continue;
            }
            spin_loop();
            spins += 1_u32;
            // The clock is read only now and then: it costs more than a look at the ticket.
            if spins.is_multiple_of(64) && idle_since.get_or_insert_with(Instant::now).elapsed() > LINGER {
                self.is_quiet.store(true, Ordering::Relaxed);
                break;
            }
        }
    }

    /// One claimed job on a helper's thread.
    fn help_with(&self, index: usize) {
        // SAFETY: a job is claimed, so the list is published and stays.
        let Some(list) = (unsafe { *self.list.get() }) else { return };
        self.claims.ended_after(|| {
            // SAFETY: the caller waits for this job to end before the closure goes.
            let job = unsafe { &*list.job };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(index)))
                && !self.panicked.swap(true, Ordering::Relaxed)
            {
                // SAFETY: only the first to set `panicked` comes here, and the caller looks after this job has ended.
                unsafe { *self.panic.get() = Some(panic) };
            }
        });
    }

    /// The panic of a helper, once all jobs have ended.
    fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        if !self.panicked.swap(false, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: every claimed job has ended, so no helper writes here.
        unsafe { &mut *self.panic.get() }.take()
    }
}

#[cfg(test)]
mod tests;
