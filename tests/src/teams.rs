//! Teams that share what they are given, however little it is: tests compute little, which a thread does alone otherwise.

use deltarule_kernels::Team;

/// The team, as if much had been done alone: it sends for its helpers for the next work that may be shared, once. So this stands before each
/// product, or layer.
pub fn welcoming(team: &Team) -> &Team {
    team.done_alone(usize::MAX / 2);
    team
}
