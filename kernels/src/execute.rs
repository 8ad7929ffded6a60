//! Who does the work: an instruction set, a team of threads, or a caller who is inside a tier already.
//!
//! ```text
//!                 element by element               products
//!   Isa           enters the tier                  —
//!   &Team         enters the current tier          planned, packed, shared with helpers
//!   Inside        is there: inlined                tile after tile on this thread
//! ```
//! Entering a tier, planning a product and asking for helpers take 20 to 40 ns an operation: nothing beside a large layer, and most
//! of the time of a small one (30-64-1, batch 32: 1.80 µs a step by [`Team`], 1.63 by [`Inside`]). So the layers' functions are
//! written once, for anyone who can do both; a net of small layers enters its tier once a pass.
//!
//! Who does the work cannot be seen in the result (but for the portable tier without fused multiply-add, whose bits are its own).

use crate::element::Element;
use crate::gemm::{Block, Destination, Product, TileTable, WORK_TO_SHARE, WORK_TO_WAKE, WORK_TO_WAKE_IN_BURST};
use crate::isa::{Isa, Kernel, Simd};
use crate::team::Team;

/// Runs kernels that work element by element.
///
/// # Who shares what
/// | takes | runs on |
/// |---|---|
/// | [`Execute`]: [`Activation`](crate::Activation), [`Loss`](crate::Loss), [`Step::sweep`](crate::Step::sweep), [`dense::bias_sums`](crate::dense::bias_sums), [`dense::backward_single`](crate::dense::backward_single) | the calling thread alone, by a [`Team`], too: whoever has much of it cuts it, and [runs](Team::run) the pieces |
/// | [`Compute`]: the rest of [`dense`](crate::dense), products with their activations, gradients, updates | the threads of the team, where it is [worth](Team::is_worth) their while |
/// | a [`Team`] itself: [`gemm_on`](crate::gemm_on), [`gemm_packed`](crate::gemm_packed), [`gather_rows`](crate::gather_rows), [`read_rows`](crate::read_rows) | likewise |
/// | a tier or none: [`softmax_rows`](crate::softmax_rows), [`gemm()`](crate::gemm()), [`PackedB`](crate::PackedB), [`Weights`](crate::Weights) when they are packed | the calling thread alone |
pub trait Execute<T: Element>: Copy + Sync {
    /// Runs `kernel` on a tier that this machine has.
    fn kernel<K: Kernel<T>>(self, kernel: K) -> K::Output;
}

/// Runs kernels, and products: who can compute a layer. [`Team`] (by reference) and [`Inside`] can; the team shares them among its threads,
/// where there is enough to share.
#[expect(private_bounds, reason = "sealed: what a product is stays inside")]
pub trait Compute<T: Element>: Execute<T> + Multiply<T> {
    /// Runs `job(0)`, …, `job(jobs − 1)`, each once; in any order and side by side where `is_worth` it and there is somebody.
    fn each(self, is_worth: bool, jobs: usize, job: impl Fn(usize) + Sync);
}

/// Runs products.
pub(crate) trait Multiply<T: Element>: Copy + Sync {
    /// Products are planned, since they may be large; else all that they touch is near.
    const PLANNED: bool;

    /// Computes the product; where `is_wanted`, `epilogue` sees every finished block of C once.
    fn multiply(
        self,
        product: &Product<T>,
        destination: Destination,
        is_wanted: bool,
        epilogue: impl Fn(Block<'_, T>) + Sync,
    );
}

impl Team {
    /// Whether so many multiply-adds are worth a helper's while: more where one would have to be woken, most where this call comes alone. Who does
    /// them alone says so when they are done, see [`done_alone`](Self::done_alone).
    #[inline]
    pub fn is_worth(&self, multiply_adds: usize) -> bool {
        self.threads() > 1 && multiply_adds >= 2 * self.work_of_thread(multiply_adds)
    }

    /// Counts so many multiply-adds that were not worth a helper's while: enough of them are worth waking one, with whom the next are shared, and
    /// so are many when as many follow at once. Those that nobody would share count nothing.
    #[inline]
    pub fn done_alone(&self, multiply_adds: usize) {
        if multiply_adds >= 2 * WORK_TO_SHARE {
            self.misses_helpers(multiply_adds);
        }
        if multiply_adds >= 2 * WORK_TO_WAKE_IN_BURST {
            self.may_begin_burst();
        }
    }

    /// How many of so many multiply-adds are worth a thread.
    #[inline]
    pub(crate) fn work_of_thread(&self, multiply_adds: usize) -> usize {
        if multiply_adds >= 2 * WORK_TO_SHARE && self.shares_small_work() {
            WORK_TO_SHARE
        } else if (2 * WORK_TO_WAKE_IN_BURST..2 * WORK_TO_WAKE).contains(&multiply_adds) && self.is_in_burst() {
            WORK_TO_WAKE_IN_BURST
        } else {
            WORK_TO_WAKE
        }
    }
}

impl<T: Element> Execute<T> for Isa {
    #[inline]
    fn kernel<K: Kernel<T>>(self, kernel: K) -> K::Output {
        T::dispatch(self, kernel)
    }
}

impl<T: Element> Execute<T> for &Team {
    #[inline]
    fn kernel<K: Kernel<T>>(self, kernel: K) -> K::Output {
        T::dispatch(Isa::current(), kernel)
    }
}

impl<T: Element> Multiply<T> for &Team {
    const PLANNED: bool = true;

    #[inline]
    fn multiply(
        self,
        product: &Product<T>,
        destination: Destination,
        is_wanted: bool,
        epilogue: impl Fn(Block<'_, T>) + Sync,
    ) {
        let table = TileTable::current();
        product.run(table, self, destination, if is_wanted { Some(&epilogue) } else { None });
    }
}

impl<T: Element> Compute<T> for &Team {
    #[inline]
    fn each(self, is_worth: bool, jobs: usize, job: impl Fn(usize) + Sync) {
        if is_worth { self.run(jobs, job) } else { (0..jobs).for_each(job) }
    }
}

/// A caller who has entered the tier that `S` proves: for use in [`Kernel::run`] alone, where all that it does is inlined. Elsewhere
/// the results are the same, but every vector operation becomes a call.
#[derive(Clone, Copy, Debug)]
pub struct Inside<S>(pub S);

impl Inside<()> {
    /// Whether the products of a layer are so small that it pays, if there are not too many rows: blocks would not help, since the
    /// gradient of so few weights is no larger than a block of it.
    #[inline]
    pub fn suits(inputs: usize, outputs: usize) -> bool {
        const WEIGHTS: usize = 64 * 96;
        inputs.saturating_mul(outputs) <= WEIGHTS
    }
}

impl<T: Element, S: Simd<T>> Execute<T> for Inside<S> {
    #[inline(always)]
    fn kernel<K: Kernel<T>>(self, kernel: K) -> K::Output {
        // The portable tier has no instructions to be entered for, and its vectors take many each: calls keep it small.
        if S::ISA == Isa::Portable { self.0.enter(kernel) } else { kernel.run(self.0) }
    }
}

impl<T: Element, S: Simd<T>> Multiply<T> for Inside<S> {
    const PLANNED: bool = false;

    #[inline(always)]
    fn multiply(
        self,
        product: &Product<T>,
        destination: Destination,
        is_wanted: bool,
        epilogue: impl Fn(Block<'_, T>) + Sync,
    ) {
        product.run_inside::<S>(
            destination,
            #[inline(always)]
            |block| {
                if is_wanted {
                    epilogue(block);
                }
            },
        );
    }
}

impl<T: Element, S: Simd<T>> Compute<T> for Inside<S> {
    #[inline(always)]
    fn each(self, _: bool, jobs: usize, job: impl Fn(usize) + Sync) {
        for index in 0..jobs {
            job(index);
        }
    }
}
