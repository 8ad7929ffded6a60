//! Other work on the same cores, as in a service that shares its machine: threads that are busy while contenders are timed.
//!
//! They begin after the peak has been measured, which stays that of a machine without them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Threads that compute something for as long as this value lives.
pub struct Beside {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Beside {
    /// So many threads; there may be none.
    pub fn new(threads: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let busy = |_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let mut random = ChaCha8Rng::seed_from_u64(1);
                while !over.load(Relaxed) {
                    black_box(random.random_range(0..1 << 20));
                }
            })
        };
        let threads = (0..threads).map(busy).collect();
        Self { over, threads }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing to say here.
            _ = thread.join();
        }
    }
}
