//! Colours: Okabe and Ito's, which eyes of every kind can tell apart, and greys for all that is not data.

/// Red, green and blue, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Training, or what is ours.
pub(super) const BLUE: Colour = Colour(0, 114, 178);
/// Validation, mistakes, or what is ours with packed weights.
pub(super) const VERMILION: Colour = Colour(213, 94, 0);
/// Text.
pub(super) const INK: Colour = Colour(31, 41, 55);
/// Text of less weight.
pub(super) const SOFT_INK: Colour = Colour(100, 111, 125);
/// Lines of the grid.
pub(super) const GRID: Colour = Colour(231, 234, 238);
/// The line under a panel, or what is somebody else's.
pub(super) const AXIS: Colour = Colour(148, 158, 170);
/// The paper.
pub(super) const PAPER: Colour = Colour(255, 255, 255);

impl Colour {
    /// This colour on paper at a share of full strength, 0 to 1.
    pub(super) fn tint(self, share: f64) -> Self {
        let mix = |ink: u8, paper: u8| {
            (f64::from(paper) + (f64::from(ink) - f64::from(paper)) * share.clamp(0.0, 1.0)).round() as u8
        };
        Self(mix(self.0, PAPER.0), mix(self.1, PAPER.1), mix(self.2, PAPER.2))
    }

    /// As SVG writes it.
    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
