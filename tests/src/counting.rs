//! An allocator that counts and measures, for the tests of "nothing is allocated after the first call", "no large allocation first" and "no more
//! than the formula says". A test program installs it with `#[global_allocator]`; it counts on every thread, so such a program runs its tests one at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// Bytes that were asked for and have not been given back. A block that is moved passes through more, never through less.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
#[derive(Debug)]
pub struct Counting;

fn count(bytes: usize) {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    LARGEST.fetch_max(bytes, Ordering::Relaxed);
    LIVE.fetch_add(bytes, Ordering::Relaxed);
}

fn give_back(bytes: usize) {
    LIVE.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        give_back(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.realloc(block, layout, size) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many times any thread has allocated so far.
pub fn allocations() -> usize {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// How many times any thread has allocated while `work` ran.
pub fn allocations_of(work: impl FnOnce()) -> usize {
    let before = allocations();
    work();
    allocations() - before
}

/// The bytes of the largest block that any thread asked for while `work` ran.
pub fn largest_of(work: impl FnOnce()) -> usize {
    LARGEST.store(0, Ordering::Relaxed);
    work();
    LARGEST.load(Ordering::Relaxed)
}

/// The bytes that all threads hold at this moment.
pub fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// Waits until the harness, which allocates beside the test that it has begun, has come to rest; two seconds at most.
pub fn wait_for_rest() {
    let mut quiet = 0;
    for _ in 0..400 {
        let before = allocations();
        std::thread::sleep(std::time::Duration::from_millis(5));
        quiet = if allocations() == before { quiet + 1 } else { 0 };
        if quiet == 20 {
            return;
        }
    }
}
