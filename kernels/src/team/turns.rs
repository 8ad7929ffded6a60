//! Who does what of jobs whose first part may be done in any order, and whose second only in turn: sums.
//!
//! ```text
//! caller   first 0 ─▶ then 0 ─▶ first 2 ─────▶ then 2 ─▶ first 4 ─▶ …
//! helper   first 1 ────── ⋯ ──▶ then 1 ─▶ first 3 ─────▶ then 3 ─▶ …     ⋯ waits for its turn
//! ```
//! After the first turn the threads are out of step, and where the part that goes in turn is the shorter one, nobody waits again.
//! What the first part leaves is used while it is near, and then its place is taken by the next: a place for each thread is enough.
//!
//! A thread takes its place first and its number then. So the lowest number that has been taken always has a place, and whoever
//! has it waits for nobody.
//!
//! Places, and what is changed in turn, are memory that is not atomic, and safe by the orders here: `kernels/orders` fails where one is
//! weaker.

use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering, relax};

/// A bit each.
pub(super) const MOST_PLACES: usize = 64;

/// Who is next, and which places are free.
pub(super) struct Turns {
    /// The next number to give away.
    next: AtomicUsize,
    /// Whose turn it is.
    now: AtomicUsize,
    /// A bit for each free place.
    free: AtomicU64,
    /// Some turn has not been done; none behind it will be.
    broken: AtomicBool,
}

impl Turns {
    pub(super) fn new(places: usize) -> Self {
        assert!(places > 0, "there is a place");
        let free = if places >= MOST_PLACES { u64::MAX } else { (1 << places) - 1 };
        Self {
            next: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            free: AtomicU64::new(free),
            broken: AtomicBool::new(false),
        }
    }

    /// A place, waited for where there are fewer than threads, and then a number. None where no turn is left to be done.
    pub(super) fn begin(&self) -> Option<Turn<'_>> {
        let mut spins = 0;
        while !self.broken.load(Ordering::Relaxed) {
            let free = self.free.load(Ordering::Relaxed);
            let lowest = free & free.wrapping_neg();
            if lowest == 0 {
                relax(&mut spins);
            } else if self.free.fetch_and(!lowest, Ordering::Acquire) & lowest != 0 {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                return Some(Turn { turns: self, place: lowest.trailing_zeros() as usize, number, is_done: false });
            }
        }
        None
    }
}

/// A number and a place. It ends when it is dropped, also by a panic.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    pub(super) place: usize,
    pub(super) number: usize,
    /// All of it, so that the next turn may come.
    pub(super) is_done: bool,
}

impl Turn<'_> {
    /// Waits for the turn, and says whether it has come; false where one before it has not been done.
    pub(super) fn has_come(&self) -> bool {
        let mut spins = 0;
        while self.turns.now.load(Ordering::Acquire) != self.number {
            if self.turns.broken.load(Ordering::Relaxed) {
                return false;
            }
            relax(&mut spins);
        }
        true
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_done {
            self.turns.now.store(self.number + 1, Ordering::Release);
        } else {
            self.turns.broken.store(true, Ordering::Relaxed);
        }
        self.turns.free.fetch_or(1 << self.place, Ordering::Release);
    }
}
