//! The program from outside: train, eval, predict, info, fold, cpu, bench, compare; its words, its exit status, the files it leaves.

#[path = "../formats/idx.rs"]
mod idx_bytes;
#[path = "../place/mod.rs"]
mod place;

mod answers;
mod classes;
mod learning;
mod life;
mod machine;
mod remembered;
mod resuming;
mod tables;
