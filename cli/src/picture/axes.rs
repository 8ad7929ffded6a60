//! A panel: a frame on the sheet, two scales, a light grid, and the marks of the data on top.

use super::font;
use super::palette::{AXIS, Colour, GRID, INK, SOFT_INK};
use super::scene::{Anchor, Scene, Style};
use super::sign::Sign;
use super::ticks::Scale;

/// About how many ticks a horizontal axis has.
const X_TICKS: usize = 7;

/// Where a panel's data area lies on the sheet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A frame with its scales.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    pub(super) frame: Frame,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Axes {
    /// Draws grid, ticks and the name of the horizontal axis.
    pub(super) fn draw(&self, scene: &mut Scene, x_name: &str) {
        let Frame { left, width, .. } = self.frame;
        for (value, text) in self.y.ticks(6) {
            let y = self.at(0.0, value).1;
            scene.line(vec![(left, y), (left + width, y)], GRID, 1.0);
            scene.text((left - 9.0, y + 4.4), text, label().at(Anchor::End));
        }
        self.draw_across(scene, x_name);
    }

    /// Draws the horizontal axis alone, its ticks and its name.
    pub(super) fn draw_across(&self, scene: &mut Scene, x_name: &str) {
        let Frame { left, top, width, height } = self.frame;
        let (label, bottom) = (label(), top + height);
        scene.line(vec![(left, bottom), (left + width, bottom)], AXIS, 1.0);
        for (value, text) in self.x.ticks(X_TICKS) {
            let x = left + self.x.share(value) * width;
            scene.line(vec![(x, bottom), (x, bottom + 4.0)], AXIS, 1.0);
            scene.text((x, bottom + 19.0), text, label.at(Anchor::Middle));
        }
        scene.text((left + width / 2.0, bottom + 39.0), x_name, label.at(Anchor::Middle));
    }

    /// Draws the lines of a grid that stand on the ticks of the horizontal axis.
    pub(super) fn draw_uprights(&self, scene: &mut Scene) {
        let Frame { left, top, width, height } = self.frame;
        for (value, _) in self.x.ticks(X_TICKS) {
            let x = left + self.x.share(value) * width;
            scene.line(vec![(x, top), (x, top + height)], GRID, 1.0);
        }
    }

    /// Names the panel above its top left corner.
    pub(super) fn name(&self, scene: &mut Scene, name: &str) {
        scene.text((self.frame.left, self.frame.top - 14.0), name, Style::new(15.0, INK).bold());
    }

    /// Writes the key at the right above the panel: each sign and its name.
    pub(super) fn key(&self, scene: &mut Scene, entries: &[(String, Sign)]) {
        let style = Style::new(12.5, INK);
        let y = self.frame.top - 14.0;
        let mut x = self.frame.left + self.frame.width;
        for (name, sign) in entries.iter().rev() {
            x -= font::width(name, style);
            scene.text((x, y), name.clone(), style);
            x -= 7.0;
            sign.draw(scene, (x - sign.width() / 2.0, y - 4.3));
            x -= sign.width() + 16.0;
        }
    }

    /// The place of a value on the sheet, kept inside the frame.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let Frame { left, top, width, height } = self.frame;
        let (across, up) = (self.x.share(x).clamp(0.0, 1.0), self.y.share(y).clamp(0.0, 1.0));
        (left + across * width, top + (1.0 - up) * height)
    }

    /// A curve; gaps where a value is not finite.
    pub(super) fn curve(&self, scene: &mut Scene, points: &[(f64, f64)], colour: Colour) {
        for run in points.split(|(_, y)| !y.is_finite()) {
            match run {
                [] => {}
                [(x, y)] => scene.dot(self.at(*x, *y), 3.5, colour, 1.0),
                run => scene.line(run.iter().map(|&(x, y)| self.at(x, y)).collect(), colour, 2.4),
            }
        }
    }
}

/// How what is written at an axis looks.
fn label() -> Style {
    Style::new(12.5, SOFT_INK)
}
