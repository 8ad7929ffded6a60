//! The kernels under `deltarule`, usable on their own: matrix products with fused epilogues, activations with their
//! derivatives, losses and optimiser sweeps, each hand-written once and compiled for every instruction set.
//!
//! ```text
//! slice → view → dispatch → driver → micro-kernel → epilogue
//!         shapes  tier known  blocks,   registers     nearest
//!         checked once a call threads                 cache
//! ```
//!
//! # Same bits everywhere
//! Every element of a product is **one chain of fused multiply-adds in the order of `k`**, started from `β·C`, the bias or
//! zero. So the result has the same bits for any number of threads, any blocking, any alignment, and on every
//! instruction set with fused multiply-add; a row of a batch has the bits of that row alone. (A NaN is a NaN: which
//! payload it carries is not specified.)
//!
//! # Example
//! ```
//! use deltarule_kernels::{gemm, MatMut, MatRef};
//! let a = [1.0f32, 2.0, 3.0, 4.0]; // 2 × 2, row by row
//! let b = [5.0f32, 6.0, 7.0, 8.0];
//! let mut c = [0.0f32; 4];
//! gemm(1.0, MatRef::new(&a, 2, 2)?, MatRef::new(&b, 2, 2)?, 0.0, MatMut::new(&mut c, 2, 2)?)?;
//! assert_eq!(c, [19.0, 22.0, 43.0, 50.0]);
//! # Ok::<(), deltarule_kernels::ShapeError>(())
//! ```

#![warn(missing_debug_implementations)]

pub mod activation;
mod aligned;
pub mod dense;
mod element;
mod execute;
mod gather;
pub mod gemm;
pub mod isa;
pub mod loss;
pub mod machine;
mod names;
pub mod optimiser;
mod rows;
mod softmax;
mod team;
mod view;

pub use activation::Activation;
pub use aligned::AlignedVec;
pub use dense::{Gradient, Moments, Weights};
pub use element::Element;
pub use execute::{Compute, Execute, Inside};
pub use gather::{gather_rows, read_rows};
pub use gemm::{PackedB, gemm, gemm_on, gemm_packed};
pub use isa::{Isa, IsaError};
pub use loss::{Loss, Targets};
pub use names::{Named, UnknownName};
pub use optimiser::{Rule, Step};
pub use rows::{Rows, Stored};
pub use softmax::softmax_rows;
pub use team::Team;
pub use view::{MatMut, MatRef, ShapeError};

/// README's example, which must run as well.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
