//! Files: of models, and of runs that are to go on.

mod checkpoints;
mod files;
mod saved;
