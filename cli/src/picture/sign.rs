//! Marks that have a meaning, which look the same on a panel and in its key.

use super::palette::Colour;
use super::scene::Scene;

/// Half the height of a tick: more than a disc has, and less than rows are apart, so that ticks of several rows are no line.
const HALF_TICK: f64 = 7.0;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sign {
    /// A piece of a curve.
    Stroke(Colour),
    /// A disc, and its radius.
    Disc(Colour, f64),
    /// A short upright line.
    Tick(Colour),
}

impl Sign {
    /// How much room it takes in a key.
    pub(super) fn width(self) -> f64 {
        match self {
            Self::Stroke(_) => 17.0,
            Self::Disc(_, radius) => 2.0 * radius,
            Self::Tick(_) => 2.0,
        }
    }

    /// Draws it, its middle at a point.
    pub(super) fn draw(self, scene: &mut Scene, (x, y): (f64, f64)) {
        let half = self.width() / 2.0;
        match self {
            Self::Stroke(colour) => scene.line(vec![(x - half, y), (x + half, y)], colour, 3.0),
            Self::Disc(colour, radius) => scene.dot((x, y), radius, colour, 1.0),
            Self::Tick(colour) => scene.line(vec![(x, y - HALF_TICK), (x, y + HALF_TICK)], colour, 2.0),
        }
    }
}
