//! Curves over epochs: a panel for the loss and one for the metric, training against validation, the best epoch marked.

use super::axes::{Axes, Frame};
use super::font;
use super::palette::{AXIS, BLUE, Colour, INK, VERMILION};
use super::scene::{Anchor, Scene, Style};
use super::ticks::Scale;

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
    /// A value that the scale need not go beyond: 1 for an accuracy.
    pub ceiling: Option<f64>,
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
        let mut y = Scale::around(values, if panel.is_loss { LOG_BEYOND } else { f64::INFINITY });
        if let Some(ceiling) = panel.ceiling {
            y = y.within(f64::NEG_INFINITY, ceiling);
        }
        let axes = Axes { frame, x: Scale::linear(1.0, epochs as f64), y };
        axes.draw(scene, "epoch");
        axes.name(scene, &panel.name);
        let key: Vec<_> = panel.curves.iter().map(|(series, _)| (series.name().to_string(), series.colour())).collect();
        axes.key(scene, &key);
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
        let (x, y) = axes.at(epoch as f64, value);
        scene.dot((x, y), 5.0, series.colour(), 1.0);

        let text = format!("best: epoch {epoch}, {}", short(value));
        let style = Style::new(12.5, INK).bold();
        let half = font::width(&text, style) / 2.0;
        let frame = axes.frame;
        // Curves of a loss come down from the left, so the free room is above; metrics rise, theirs is below.
        let room_above = y - frame.top > 34.0;
        let label_y =
            if panel.is_loss && room_above { y - 16.0 } else { (y + 27.0).min(frame.top + frame.height - 8.0) };
        let centre = x.clamp(frame.left + half + 4.0, frame.left + frame.width - half - 2.0);
        let paper = super::palette::PAPER;
        scene.fill_box((centre - half - 4.0, label_y - 13.0), (2.0 * half + 8.0, 18.0), 4.0, paper);
        scene.text((centre, label_y), text, style.at(Anchor::Middle));
    }
}

/// Four significant digits.
fn short(value: f64) -> String {
    let magnitude = value.abs().max(1e-12).log10().floor() as i32;
    let decimals = (3 - magnitude).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}
