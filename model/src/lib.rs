//! Multi-layer perceptrons on a CPU: trained and served on hand-written SIMD kernels, with results that have the same
//! bits on any number of threads, for any split into batches, and on every instruction set with fused multiply-add.
//!
//! Named after the delta rule, `ΔW = −η (a − y) xᵀ`, which is what happens to the weights.
//!
//! ```
//! use deltarule::{Activation, Dataset, Loss, Mlp, Optimiser, Output, Plan, Scratch, Trainer};
//! use std::ops::ControlFlow;
//!
//! // Exclusive or: two inputs, one class, no straight line between the classes.
//! let x = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
//! let data = Dataset::with_classes(x, 2, vec![0, 1, 1, 0], 2)?;
//!
//! let model = Mlp::<f32>::builder(&[2, 8, 1]).hidden(Activation::Tanh).output(Output::Sigmoid).seed(1).build()?;
//! let plan = Plan::new(Loss::LogLoss).optimiser(Optimiser::adam().rate(0.05)).epochs(200).batch(4);
//! let mut trainer = Trainer::new(model, plan)?;
//! trainer.fit(&data, None, |progress| {
//!     assert!(progress.loss.is_finite());
//!     ControlFlow::Continue(())
//! })?;
//!
//! let model = trainer.into_model();
//! let mut scratch = Scratch::new();
//! let p = model.predict(&[0.0, 1.0, 1.0, 1.0], &mut scratch)?;
//! assert!(p[0] > 0.9 && p[1] < 0.1);
//! # Ok::<(), deltarule::Error>(())
//! ```
//!
//! # Where things are
//! The folders show the way of the data; the equations S1 to S15 are marked where they are computed.
//!
//! | | |
//! |---|---|
//! | [`data`] | rows and labels, checked once; splits; standardisation |
//! | [`Mlp`], [`Layer`], [`Init`] | the model |
//! | [`Mlp::gradients`], [`Gradients`] | forward and back: S1 to S14, in `backprop.rs` |
//! | [`Optimiser`], [`Schedule`] | the update rule, S15, and its relatives, in `update.rs` |
//! | [`Trainer`], [`Plan`] | the loop: epochs, validation, early stopping, checkpoints |
//! | [`Scratch`], [`Mlp::predict`] | serving |
//! | [`metrics`], [`Evaluation`] | how good it is |
//! | [`mod@file`] | safetensors, by PyTorch's names |
//!
//! # What it promises
//! * Bad data and bad files are errors that say where and what to do, found before any weight changes; never a panic.
//! * A loss or gradient that is not finite is found before the update.
//! * A run that is saved, loaded and carried on equals the one that never stopped, bit for bit.
//! * A step of training and a prediction allocate nothing after the first, but for a task of the pool when a helper is sent for, what a helper packs into when it
//!   first comes, and room for the gradient when the first batch of large numbers comes.
//! * No thread is touched unless [`Plan::threads`](Plan#structfield.threads) or [`Scratch::with_threads`] asks for it.
//!
//! # Replacing a model while it serves
//! A model is only read, so many threads share one in an `Arc`. Where newer ones come while it serves, a lock stands around the `Arc`, and
//! is never held for longer than it takes to copy or to swap a pointer: a request takes the `Arc` once and gets all of its answers from
//! that model, the new file is read away from the requests, and what is refused there leaves the old model at work.
//!
//! ```
//! use deltarule::{Error, Mlp, Scratch};
//! use std::path::Path;
//! use std::sync::{Arc, PoisonError, RwLock};
//!
//! struct Serving(RwLock<Arc<Mlp<f32>>>);
//!
//! impl Serving {
//!     /// The model of now: once a request.
//!     fn current(&self) -> Arc<Mlp<f32>> {
//!         self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
//!     }
//!
//!     /// On a thread that answers no requests.
//!     fn replace(&self, path: &Path) -> Result<(), Error> {
//!         let mut model = Arc::new(Mlp::load(path)?);
//!         std::mem::swap(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), &mut model);
//!         // The old model goes here, with the lock released, or with the last request that still holds it.
//!         Ok(())
//!     }
//! }
//!
//! let serving = Serving(RwLock::new(Arc::new(Mlp::builder(&[2, 4, 1]).build()?)));
//! let mut scratch = Scratch::new(); // one for each thread
//! let model = serving.current();
//! assert_eq!(model.predict(&[0.5, -1.0], &mut scratch)?.len(), 1);
//! assert!(serving.replace(Path::new("no such file")).is_err());
//! assert!(Arc::ptr_eq(&model, &serving.current()));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Threads
//! Work is shared out on the caller's rayon pool: inside `pool.install(…)` that pool, else rayon's global one.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod backprop;
pub mod data;
mod element;
mod error;
mod evaluate;
pub mod file;
mod fold;
mod gradcheck;
mod gradients;
mod init;
mod layer;
mod loss;
pub mod metrics;
mod mlp;
mod narrow;
mod optimiser;
mod predict;
mod random;
mod schedule;
mod train;
mod update;
mod whole;
mod workspace;

pub use data::{Dataset, HeldOut, Labels, Standardisation};
pub use deltarule_kernels::{Activation, Isa, Loss, Named, Rule, Targets, UnknownName};
pub use element::Element;
pub use error::Error;
pub use evaluate::{ClassScores, Evaluation, Scores};
pub use file::{FileError, LoadOptions};
pub use gradcheck::GradientCheck;
pub use gradients::Gradients;
pub use init::Init;
pub use layer::Layer;
pub use loss::Output;
pub use mlp::{About, Builder, Mlp, Provenance};
pub use optimiser::Optimiser;
pub use predict::{Scratch, class_of};
pub use schedule::{Schedule, Shape};
pub use train::{EarlyStopping, Finish, NonFinite, Plan, Progress, Record, Trainer};
