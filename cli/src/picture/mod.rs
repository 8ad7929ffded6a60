//! Pictures of a run and of a benchmark, as SVG and as PNG from one description.
//!
//! ```text
//! curves │ confusion │ comparison │ dots ─▶ Axes (scales, grid, ticks, key) ─▶ Scene (lines, boxes, text) ─▶ svg │ png
//! ```
//! A [`Scene`] is a list of marks in points. The SVG writer prints them, the PNG painter fills the same shapes with
//! `tiny-skia` and an embedded typeface, so both show the same picture and neither needs a font of the system.

mod axes;
mod comparison;
mod confusion;
mod curves;
mod dots;
mod font;
mod palette;
mod png;
mod scene;
mod sign;
mod svg;
mod ticks;

pub use comparison::{Comparison, Method};
pub use confusion::ConfusionPicture;
pub use curves::{CurvePicture, Panel, Series};
pub use dots::{DotPicture, DotRow, Ours, Peer};
pub use png::PngError;
pub use scene::Scene;
