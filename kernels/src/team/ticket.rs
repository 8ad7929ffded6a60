//! Which jobs of a list are left, in one word: whoever claims some, from either end, changes it by one compare-and-swap.

/// Jobs `front .. back` of a list are left to claim.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    pub(super) front: usize,
    pub(super) back: usize,
}

impl Ticket {
    const BITS: u32 = 32;
    /// Jobs that a ticket can count: fewer in tests, which then have lists that are longer.
    pub(super) const MOST: usize = if cfg!(test) { 5000 } else { u32::MAX as usize };

    /// `front << 32 | back`
    pub(super) fn pack(self) -> u64 {
        debug_assert!(self.front <= self.back && self.back <= Self::MOST, "a ticket can count the jobs");
        (self.front as u64) << Self::BITS | self.back as u64
    }

    pub(super) fn unpack(word: u64) -> Self {
        Self { front: (word >> Self::BITS) as usize, back: word as u32 as usize }
    }

    pub(super) fn take_front(&mut self) -> Option<usize> {
        (self.front < self.back).then(|| {
            self.front += 1;
            self.front - 1
        })
    }

    pub(super) fn take_back(&mut self) -> Option<usize> {
        (self.front < self.back).then(|| {
            self.back -= 1;
            self.back
        })
    }

    /// How many there were; none are left.
    pub(super) fn take_all(&mut self) -> Option<usize> {
        let left = self.back - self.front;
        self.front = self.back;
        Some(left)
    }
}
