//! Who may publish a list, who has claimed which of its jobs, and when all that were claimed have ended: a team's protocol, with its orders of
//! memory.
//!
//! ```text
//! caller   engage ─▶ ⟨list⟩ publish ─▶ claim ⟨job⟩ end ─▶ … ─▶ wait_for_claimed ⟨results⟩ ─▶ release
//! helper                       ╰────▶ claim ⟨list⟩ ⟨job⟩ end ────╯
//! ```
//! What stands in ⟨ ⟩ is memory that is not atomic, and safe by these orders alone. Of a claim only the swap acquires: the ticket looked at before
//! may have been that of an older list, of the same value. What follows on a swap continues what `publish` has released, and the same holds for
//! the ends of all jobs, which are waited for at once.
//!
//! No order is stronger than it must be: `kernels/orders` fails where one is weaker.

use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering, relax};
use super::ticket::Ticket;

/// Whether a caller publishes its lists. On a cache line of its own, apart from those that an idle helper looks at again and again: to engage would
/// have to get such a line back first (Emerald Rapids, two threads, 784-128-10: beside the ticket a step takes 3 to 6 % longer).
#[repr(align(64))]
pub(super) struct Engagement(AtomicBool);

impl Engagement {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// True for the one caller that may publish lists, until it [releases](Self::release).
    pub(super) fn engage(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Lets the next caller engage.
    pub(super) fn release(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The words of the protocol that caller and helpers share.
pub(super) struct Claims {
    /// What is left to claim of the present list, see [`Ticket`].
    ticket: AtomicU64,
    /// Jobs of the present list that have ended.
    ended: AtomicUsize,
}

impl Claims {
    pub(super) fn new() -> Self {
        Self { ticket: AtomicU64::new(0), ended: AtomicUsize::new(0) }
    }

    /// Lets jobs `0 .. jobs` of a new list be claimed, or as many as a ticket can count: so many. The caller is engaged, and has waited for
    /// what was claimed of the list before.
    pub(super) fn publish(&self, jobs: usize) -> usize {
        let listed = jobs.min(Ticket::MOST);
        self.ended.store(0, Ordering::Relaxed);
        self.ticket.store(Ticket { front: 0, back: listed }.pack(), Ordering::Release);
        listed
    }

    /// The index of a job that is now this thread's to do.
    pub(super) fn claim(&self, take: impl Fn(&mut Ticket) -> Option<usize>) -> Option<usize> {
        let mut now = self.ticket.load(Ordering::Relaxed);
        loop {
            let mut ticket = Ticket::unpack(now);
            let index = take(&mut ticket)?;
            match self.ticket.compare_exchange_weak(now, ticket.pack(), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(index),
                Err(other) => now = other,
            }
        }
    }

    /// Does a claimed job and counts it as ended even when it panics.
    pub(super) fn ended_after(&self, job: impl FnOnce()) {
        struct Ended<'a>(&'a AtomicUsize);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Release);
            }
        }
        let _ended = Ended(&self.ended);
        job();
    }

    /// Takes back what nobody has claimed of the `listed` jobs and waits for the rest.
    pub(super) fn wait_for_claimed(&self, listed: usize) {
        let unclaimed = self.claim(Ticket::take_all).unwrap_or(0);
        let mut spins = 0_u32;
        while self.ended.load(Ordering::Acquire) + unclaimed < listed {
            relax(&mut spins);
        }
    }
}
