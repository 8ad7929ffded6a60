//! Learning: the loop, its schedules, when it ends and what it refuses.

mod early_stopping;
mod line;
mod own_steps;
mod refusals;
mod runs;
mod schedules;
mod workspace;
