//! Several threads that measure at once, as they work in a product: that way shared clocks, shared power and shared caches count.

use std::sync::{Barrier, OnceLock};
use std::thread::Builder;

/// What each of `threads` threads finds, the caller's first; none at all is one. They meet at the barrier. Where the system starts fewer, there
/// are fewer.
pub(super) fn at_once<R: Send>(threads: usize, measure: impl Fn(&Barrier) -> R + Sync) -> Vec<R> {
    at_once_on(threads, |_| Builder::new(), measure)
}

/// The same on threads of one's own making, numbered from 1.
fn at_once_on<R: Send>(
    threads: usize,
    thread: impl Fn(usize) -> Builder,
    measure: impl Fn(&Barrier) -> R + Sync,
) -> Vec<R> {
    // Made when it is known how many there are: a thread that cannot be started is not waited for.
    let meeting = OnceLock::new();
    std::thread::scope(|scope| {
        let spawn = |number| thread(number).spawn_scoped(scope, || measure(meeting.wait())).ok();
        let others: Vec<_> = (1..threads).map_while(spawn).collect();
        let own = measure(meeting.get_or_init(|| Barrier::new(1 + others.len())));
        std::iter::once(own).chain(others.into_iter().filter_map(|thread| thread.join().ok())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_measures_and_waits_for_the_others() {
        for threads in [0, 1, 2, 5] {
            let leaders = at_once(threads, |meeting| meeting.wait().is_leader());
            assert_eq!(leaders.len(), threads.max(1));
            assert_eq!(leaders.into_iter().filter(|&leads| leads).count(), 1, "{threads} threads meet once");
        }
    }

    /// No system has so large a stack to give.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn a_thread_that_cannot_be_started_is_not_waited_for() {
        let thread = |number| if number < 2 { Builder::new() } else { Builder::new().stack_size(1 << 60) };
        assert_eq!(at_once_on(4, thread, |meeting| _ = meeting.wait()).len(), 2);
    }
}
