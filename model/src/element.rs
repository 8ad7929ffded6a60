//! What a model computes in, and the part of a training step that is compiled here, for both types.

use crate::narrow::Task;
use crate::update::Apply;
use deltarule_kernels::{Execute, Isa, ShapeError};

/// `f32` or `f64`: what a model computes in.
#[expect(private_bounds, reason = "sealed, as the trait of the kernels is")]
pub trait Element: deltarule_kernels::Element + Compiled {}

impl Element for f32 {}
impl Element for f64 {}

/// The kernels that go through all layers inside of a tier. Everything is inlined into each of them, on every tier: generic, they
/// would be compiled again by every crate that trains a model, and each time take longer than all the rest.
pub(crate) trait Compiled: deltarule_kernels::Element {
    fn task(kernel: Task<'_, Self>) -> Result<f64, ShapeError>;
    fn apply(kernel: Apply<'_, Self>) -> Result<bool, ShapeError>;
}

macro_rules! compiled {
    ($($type:ty)*) => {$(
        impl Compiled for $type {
            fn task(kernel: Task<'_, Self>) -> Result<f64, ShapeError> {
                Isa::current().kernel(kernel)
            }

            fn apply(kernel: Apply<'_, Self>) -> Result<bool, ShapeError> {
                Isa::current().kernel(kernel)
            }
        }
    )*};
}

compiled! { f32 f64 }
