//! A picture as a list of marks, in points from the top left corner.

use super::palette::Colour;

/// Where text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// The text's middle is there.
    Middle,
    /// The text ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Height of the letters' square, in points.
    pub size: f64,
    /// Semi-bold rather than regular.
    pub bold: bool,
    /// Its colour.
    pub colour: Colour,
    /// Where it stands to its point.
    pub anchor: Anchor,
    /// Turned a quarter to the left, as the name of a vertical axis.
    pub turned: bool,
}

impl Style {
    /// Regular text that begins at its point.
    pub fn new(size: f64, colour: Colour) -> Self {
        Self { size, bold: false, colour, anchor: Anchor::Start, turned: false }
    }

    /// The same in semi-bold.
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// The same at another anchor.
    pub fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same, a quarter turned.
    pub fn turned(self) -> Self {
        Self { turned: true, ..self }
    }
}

/// One mark.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A filled box with rounded corners.
    Box { x: f64, y: f64, width: f64, height: f64, radius: f64, fill: Colour },
    /// A line through points; `dash` is the length of dashes and gaps, 0 for none.
    Line { points: Vec<(f64, f64)>, colour: Colour, width: f64, dash: f64 },
    /// A filled disc with a rim of paper, so that it stands out from lines below it.
    Dot { x: f64, y: f64, radius: f64, fill: Colour, opacity: f64 },
    /// A line of text, its base line at `y`.
    Text { x: f64, y: f64, text: String, style: Style },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in points.
    pub width: f64,
    /// Height in points.
    pub height: f64,
    /// What it shows, in words, for those who cannot see it.
    pub description: String,
    pub(super) marks: Vec<Mark>,
}

impl Scene {
    /// An empty sheet.
    pub fn new(width: f64, height: f64, description: impl Into<String>) -> Self {
        Self { width, height, description: description.into(), marks: Vec::new() }
    }

    /// Adds a filled box.
    pub fn fill_box(&mut self, corner: (f64, f64), size: (f64, f64), radius: f64, fill: Colour) {
        self.marks.push(Mark::Box { x: corner.0, y: corner.1, width: size.0, height: size.1, radius, fill });
    }

    /// Adds a line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points, colour, width, dash: 0.0 });
    }

    /// Adds a dashed line through points.
    pub fn dashed(&mut self, points: Vec<(f64, f64)>, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points, colour, width, dash: 4.0 });
    }

    /// Adds a disc.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, fill: Colour, opacity: f64) {
        self.marks.push(Mark::Dot { x: at.0, y: at.1, radius, fill, opacity });
    }

    /// Adds a line of text.
    pub fn text(&mut self, at: (f64, f64), text: impl Into<String>, style: Style) {
        self.marks.push(Mark::Text { x: at.0, y: at.1, text: text.into(), style });
    }

    /// Adds the title and the line below it, which every picture has; both are cut where the sheet ends.
    pub fn head(&mut self, title: &str, subtitle: &str) {
        use super::palette::{INK, SOFT_INK};
        let room = self.width - 56.0;
        let title_style = Style::new(21.0, INK).bold();
        let subtitle_style = Style::new(13.5, SOFT_INK);
        self.text((28.0, 40.0), super::font::fit(title, title_style, room), title_style);
        self.text((28.0, 63.0), super::font::fit(subtitle, subtitle_style, room), subtitle_style);
    }
}
