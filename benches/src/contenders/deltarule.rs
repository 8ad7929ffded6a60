//! This project's product: the plain call, and the one whose right-hand side was packed beforehand, as the weights of
//! a training step and of a service are.

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::gemm::{PackedB, gemm_on, gemm_packed};
use deltarule_kernels::{Element, MatMut, ShapeError, Team};

/// The plain call.
pub struct Ours {
    team: Team,
    /// One thread, for what a team is worth.
    alone: bool,
}

impl Ours {
    /// On this many threads.
    pub fn new(threads: usize) -> Self {
        Self { team: team(threads), alone: false }
    }

    /// On the calling thread, in turns with the team: what several threads gain, and never may cost, is seen in one run.
    pub fn alone() -> Self {
        Self { team: Team::serial(), alone: true }
    }
}

/// The call with B packed beforehand.
pub struct Prepacked {
    team: Team,
}

impl Prepacked {
    /// On this many threads.
    pub fn new(threads: usize) -> Self {
        Self { team: team(threads) }
    }
}

/// One thread needs no team.
pub fn team(threads: usize) -> Team {
    if threads == 1 { Team::serial() } else { Team::new(threads) }
}

/// The loop of a contender of ours. It goes on after an error, so that a batch of calls that fail is counted as what it is.
fn repeat<T: Element>(
    problem: &Problem<T>,
    mut product: impl FnMut(MatMut<'_, T>) -> Result<(), ShapeError>,
) -> impl FnMut(&mut [T], usize) -> Result<(), String> {
    let (m, n, lead) = (problem.shape.m, problem.shape.n, problem.c_lead(false));
    move |c, calls| {
        let mut failure = None;
        for _ in 0..calls {
            // As a caller without gaps would: to look at a stride takes a nanosecond.
            let view = if lead == n { MatMut::new(c, m, n) } else { MatMut::with_row_stride(c, m, n, lead) };
            if let Err(e) = view.and_then(&mut product) {
                failure.get_or_insert(e);
            }
        }
        failure.map_or(Ok(()), |e| Err(e.to_string()))
    }
}

impl<T: Element> Contender<T> for Ours {
    fn name(&self) -> &str {
        if self.alone { "alone" } else { "deltarule" }
    }
    fn is_ours(&self) -> bool {
        true
    }
    fn is_alone(&self) -> bool {
        self.alone
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let a = problem.a_view().map_err(|e| e.to_string())?;
        let b = problem.b_view().map_err(|e| e.to_string())?;
        Ok(Box::new(repeat(problem, move |c| gemm_on(&self.team, T::ONE, a, b, T::ZERO, c))))
    }
}

impl<T: Element> Contender<T> for Prepacked {
    fn name(&self) -> &str {
        "prepacked"
    }
    fn is_ours(&self) -> bool {
        true
    }
    fn is_packed(&self) -> bool {
        true
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let a = problem.a_view().map_err(|e| e.to_string())?;
        let packed = PackedB::new(problem.b_view().map_err(|e| e.to_string())?);
        Ok(Box::new(repeat(problem, move |c| gemm_packed(&self.team, a, &packed, T::ZERO, c))))
    }
}
