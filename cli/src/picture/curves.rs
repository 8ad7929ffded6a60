//! Curves over epochs: a panel for the loss and one for the metric, training against validation, the best epoch marked.

use super::axes::{Axes, Frame};
use super::font;
use super::palette::{AXIS, BLUE, Colour, INK, PAPER, VERMILION};
use super::scene::{Scene, Style};
use super::sign::Sign;
use super::ticks::Scale;
use crate::say::short;

/// Losses that span more than this factor are shown on a logarithmic scale.
const LOG_BEYOND: f64 = 25.0;

/// Which part of the data a curve is about; it chooses the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Training.
    Train,
    /// Validation.
    Validation,
}

impl Series {
    fn colour(self) -> Colour {
        match self {
            Self::Train => BLUE,
            Self::Validation => VERMILION,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Validation => "validation",
        }
    }
}

/// One panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What it shows.
    pub name: String,
    /// Values by epoch, from epoch 1.
    pub curves: Vec<(Series, Vec<f64>)>,
    /// Whether the value is a loss, for which a logarithmic scale is right.
    pub is_loss: bool,
    /// Values that the scale need not go beyond, unless all are beyond them: 0 and 1 for an accuracy.
    pub limits: Option<(f64, f64)>,
}

/// The picture `loss.svg`.
#[derive(Clone, Debug)]
pub struct CurvePicture {
    /// Data and result.
    pub title: String,
    /// How the result was made.
    pub subtitle: String,
    /// The panels, from left to right.
    pub panels: Vec<Panel>,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: Option<usize>,
}

impl CurvePicture {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let width = 110.0 + 470.0 * self.panels.len().max(1) as f64 - 50.0;
        let mut scene = Scene::new(width, 490.0, format!("{}. {}", self.title, self.subtitle));
        scene.head(&self.title, &self.subtitle);
        for (index, panel) in self.panels.iter().enumerate() {
            let frame = Frame { left: 76.0 + 470.0 * index as f64, top: 128.0, width: 400.0, height: 290.0 };
            self.draw_panel(&mut scene, panel, frame);
        }
        scene
    }

    fn draw_panel(&self, scene: &mut Scene, panel: &Panel, frame: Frame) {
        let epochs = panel.curves.iter().map(|(_, values)| values.len()).max().unwrap_or(0).max(2);
        let values = panel.curves.iter().flat_map(|(_, values)| values.iter().copied());
        let y = Scale::around(values, if panel.is_loss { LOG_BEYOND } else { f64::INFINITY }, panel.limits);
        let axes = Axes { frame, x: Scale::whole(1, epochs), y };
        axes.draw(scene, "epoch");
        axes.name(scene, &panel.name);
        let entry = |series: Series| (series.name().to_string(), Sign::Stroke(series.colour()));
        axes.key(scene, &panel.curves.iter().map(|(series, _)| entry(*series)).collect::<Vec<_>>());
        if let Some(epoch) = self.best_epoch {
            let (x, bottom) = (axes.at(epoch as f64, 0.0).0, frame.top + frame.height);
            scene.dashed(vec![(x, frame.top), (x, bottom)], AXIS, 1.2);
        }
        for (series, values) in &panel.curves {
            let points: Vec<_> = values.iter().enumerate().map(|(index, &value)| ((index + 1) as f64, value)).collect();
            axes.curve(scene, &points, series.colour());
        }
        self.mark_best(scene, panel, &axes);
    }

    /// A disc on the validation curve (or the only one) at the best epoch, and its value beside it.
    fn mark_best(&self, scene: &mut Scene, panel: &Panel, axes: &Axes) {
        let watched = panel.curves.iter().find(|(series, _)| *series == Series::Validation).or(panel.curves.first());
        let Some((epoch, (series, values))) = self.best_epoch.zip(watched) else { return };
        let Some(&value) = values.get(epoch.wrapping_sub(1)).filter(|value| value.is_finite()) else { return };
        let disc = axes.at(epoch as f64, value);
        scene.dot(disc, 5.0, series.colour(), 1.0);

        let text = format!("best: epoch {epoch}, {}", short(value));
        let style = Style::new(12.5, INK).bold();
        let size = (font::width(&text, style) + 8.0, 18.0);
        let corner = free_place(axes, panel, disc, size);
        scene.fill_box(corner, size, 4.0, PAPER);
        scene.text((corner.0 + 4.0, corner.1 + 13.4), text, style);
    }
}

/// The top left corner of a box of this size near `disc` that covers no curve; the one that covers least, if all do.
fn free_place(axes: &Axes, panel: &Panel, disc: (f64, f64), size: (f64, f64)) -> (f64, f64) {
    let frame = axes.frame;
    let mut best = (usize::MAX, (disc.0, disc.1));
    for step in 0..8 {
        let away = 12.0 + 20.0 * f64::from(step);
        for y in [disc.1 - away - size.1, disc.1 + away] {
            for x in [disc.0 - size.0 / 2.0, disc.0 + 8.0, disc.0 - size.0 - 8.0] {
                let inside = x >= frame.left + 2.0
                    && x + size.0 <= frame.left + frame.width
                    && y >= frame.top
                    && y + size.1 <= frame.top + frame.height - 3.0;
                let covered = covered_points(axes, panel, (x, y), size);
                if inside && covered < best.0 {
                    best = (covered, (x, y));
                }
            }
        }
    }
    best.1
}

/// How many points along the curves lie in a box; curves are walked in steps of about three points.
fn covered_points(axes: &Axes, panel: &Panel, (x, y): (f64, f64), (width, height): (f64, f64)) -> usize {
    const MARGIN: f64 = 4.0;
    let inside = |(px, py): (f64, f64)| {
        px > x - MARGIN && px < x + width + MARGIN && py > y - MARGIN && py < y + height + MARGIN
    };
    let mut count = 0;
    for (_, values) in &panel.curves {
        for (index, pair) in values.windows(2).enumerate().filter(|(_, pair)| pair.iter().all(|v| v.is_finite())) {
            let from = axes.at((index + 1) as f64, pair[0]);
            let to = axes.at((index + 2) as f64, pair[1]);
            let steps = (((to.0 - from.0).abs() + (to.1 - from.1).abs()) / 3.0).ceil().clamp(1.0, 400.0);
            let along = |step: usize| {
                let share = step as f64 / steps;
                (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
            };
            count += (0..=steps as usize).filter(|&step| inside(along(step))).count();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_value_is_written_however_small_it_is() {
        let curves = vec![(Series::Train, vec![1.0, 1e-7, 0.5])];
        let panel = Panel { name: "Loss".into(), curves, is_loss: true, limits: None };
        let picture =
            CurvePicture { title: "t".into(), subtitle: "s".into(), panels: vec![panel], best_epoch: Some(2) };
        let svg = picture.draw().to_svg();
        assert!(svg.contains("best: epoch 2, 1.000e-7"), "{svg}");
    }
}
