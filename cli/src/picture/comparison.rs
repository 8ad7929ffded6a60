//! Two losses on one network, side by side: how the accuracy grew under each, and what each network says of every test row.
//!
//! "The results of the two methods are comparable": the curves lie on each other, and the probabilities lie along the
//! diagonal.

use super::axes::{Axes, Frame};
use super::palette::{AXIS, BLUE, Colour, SOFT_INK, VERMILION};
use super::scene::{Anchor, Scene, Style};
use super::sign::Sign;
use super::ticks::Scale;

/// One of the two methods.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Validation accuracy by epoch, from epoch 1.
    pub accuracy: Vec<f64>,
    /// Probability of the positive class for each test row.
    pub probabilities: Vec<f64>,
}

/// The picture `compare.svg`.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Data and results.
    pub title: String,
    /// How the results were made.
    pub subtitle: String,
    /// The method on the horizontal axis, then the one on the vertical axis.
    pub methods: [Method; 2],
    /// Names of the negative and the positive class.
    pub classes: [String; 2],
    /// Whether each test row is of the positive class.
    pub positive: Vec<bool>,
}

const METHOD_COLOURS: [Colour; 2] = [VERMILION, BLUE];
const CLASS_COLOURS: [Colour; 2] = [BLUE, VERMILION];

impl Comparison {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let mut scene = Scene::new(960.0, 500.0, format!("{}. {}", self.title, self.subtitle));
        scene.head(&self.title, &self.subtitle);
        self.draw_curves(&mut scene);
        self.draw_scatter(&mut scene);
        scene
    }

    fn draw_curves(&self, scene: &mut Scene) {
        let values = self.methods.iter().flat_map(|method| method.accuracy.iter().copied());
        let epochs = self.methods.iter().map(|method| method.accuracy.len()).max().unwrap_or(0).max(2);
        let axes = Axes {
            frame: Frame { left: 76.0, top: 128.0, width: 440.0, height: 300.0 },
            x: Scale::whole(1, epochs),
            y: Scale::around(values, f64::INFINITY, Some((0.0, 1.0))),
        };
        axes.draw(scene, "epoch");
        axes.name(scene, "Validation accuracy");
        axes.key(scene, &key(self.methods.each_ref().map(|method| &method.name), METHOD_COLOURS));
        for (method, colour) in self.methods.iter().zip(METHOD_COLOURS) {
            let points: Vec<_> = method.accuracy.iter().enumerate().map(|(i, &y)| ((i + 1) as f64, y)).collect();
            axes.curve(scene, &points, colour);
        }
    }

    fn draw_scatter(&self, scene: &mut Scene) {
        let frame = Frame { left: 610.0, top: 128.0, width: 300.0, height: 300.0 };
        let axes = Axes { frame, x: Scale::linear(0.0, 1.0), y: Scale::linear(0.0, 1.0) };
        axes.draw(scene, &format!("under {}", self.methods[0].name));
        axes.name(scene, &format!("P({})", self.classes[1]));
        let beside = Style::new(12.5, SOFT_INK).at(Anchor::Middle).turned();
        scene.text(
            (frame.left - 40.0, frame.top + frame.height / 2.0),
            format!("under {}", self.methods[1].name),
            beside,
        );
        axes.key(scene, &key(self.classes.each_ref(), CLASS_COLOURS));
        scene.dashed(vec![axes.at(0.0, 0.0), axes.at(1.0, 1.0)], AXIS, 1.2);
        let [across, up] = &self.methods;
        for ((&x, &y), &positive) in across.probabilities.iter().zip(&up.probabilities).zip(&self.positive) {
            scene.dot(axes.at(x, y), 4.2, CLASS_COLOURS[usize::from(positive)], 0.75);
        }
    }
}

/// A stroke of each colour, and whose it is.
fn key(names: [&String; 2], colours: [Colour; 2]) -> Vec<(String, Sign)> {
    names.into_iter().cloned().zip(colours.map(Sign::Stroke)).collect()
}
