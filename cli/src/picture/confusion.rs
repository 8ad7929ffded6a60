//! The confusion matrix: true classes down, predicted classes across, right answers in blue, mistakes in vermilion.
//!
//! Colour shows the share of the row, so that a rare class is seen as well as a frequent one, and mistakes are drawn
//! stronger than their share, because a picture of 98 % right answers is about the other 2 %.

use super::font;
use super::palette::{BLUE, GRID, INK, PAPER, SOFT_INK, VERMILION};
use super::scene::{Anchor, Scene, Style};

/// Cells from this size on have room for the names of the classes beside them.
const NAMES_FROM: f64 = 7.0;
/// Cells from this size on have room for the share that was found.
const SHARES_FROM: f64 = 12.0;

/// The side of a cell in points: large for few classes, and the sheet never much wider than a page for many.
fn side_of_cell(classes: usize) -> f64 {
    let classes = classes as f64;
    (460.0 / classes).min(96.0).max((1200.0 / classes).min(9.0))
}

/// The picture `confusion.svg`.
#[derive(Clone, Debug)]
pub struct ConfusionPicture {
    /// Data and result.
    pub title: String,
    /// Which rows it is about.
    pub subtitle: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// `counts[t · n + p]`: rows of class `t` taken for class `p`.
    pub counts: Vec<u64>,
}

impl ConfusionPicture {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let n = self.classes.len().max(1);
        let cell = side_of_cell(n);
        let label = Style::new((cell * 0.42).clamp(7.0, 13.0), INK);
        let named = if cell < NAMES_FROM { &[] } else { &self.classes[..] };
        let widest = named.iter().map(|class| font::width(class, label)).fold(0.0, f64::max).min(130.0);
        let side = cell * n as f64;
        let turned = widest > cell - 4.0;
        let (left, top) = (66.0 + widest, 128.0 + if turned { widest } else { 14.0 });
        let width = (left + side + 104.0).max(520.0);
        let mut scene = Scene::new(width, top + side + 36.0, format!("{}. {}", self.title, self.subtitle));
        scene.head(&self.title, &self.subtitle);

        let axis = Style::new(12.5, SOFT_INK);
        scene.text((left + side / 2.0, 104.0), "predicted", axis.at(Anchor::Middle));
        scene.text((38.0, top + side / 2.0), "true", axis.at(Anchor::Middle).turned());
        if cell >= SHARES_FROM {
            scene.text((left + side + 14.0, top - 10.0), "found", axis);
        }
        scene.fill_box((left - 1.0, top - 1.0), (side + 2.0, side + 2.0), 0.0, GRID);
        if cell < NAMES_FROM {
            scene.fill_box((left, top), (side, side), 0.0, PAPER);
        }
        for (index, class) in self.classes.iter().enumerate() {
            self.draw_row(&mut scene, index, (left, top), cell);
            if cell < NAMES_FROM {
                continue;
            }
            let middle = (index as f64 + 0.5) * cell;
            let name = font::fit(class, label, 130.0);
            let baseline = label.size * 0.36;
            scene.text((left - 10.0, top + middle + baseline), name.clone(), label.at(Anchor::End));
            if turned {
                scene.text((left + middle + baseline, top - 8.0), name, label.turned());
            } else {
                scene.text((left + middle, top - 10.0), name, label.at(Anchor::Middle));
            }
        }
        scene
    }

    /// One true class: its cells, and the share of it that was found.
    fn draw_row(&self, scene: &mut Scene, class: usize, corner: (f64, f64), cell: f64) {
        let n = self.classes.len();
        let row = &self.counts[class * n..(class + 1) * n];
        let total: u64 = row.iter().sum();
        let y = corner.1 + class as f64 * cell;
        let gap = match cell {
            wide if wide > 20.0 => 1.0,
            narrow if narrow >= NAMES_FROM => 0.5,
            _ => 0.0,
        };
        for (predicted, &count) in row.iter().enumerate() {
            if count == 0 && cell < NAMES_FROM {
                continue;
            }
            let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
            let right = predicted == class;
            let strength = match (count, right) {
                (0, _) => 0.0,
                (_, true) => 0.12 + 0.88 * share,
                (_, false) => 0.15 + 0.85 * (4.0 * share).min(1.0),
            };
            let fill = if right { BLUE } else { VERMILION }.tint(strength);
            let x = corner.0 + predicted as f64 * cell;
            scene.fill_box((x + gap, y + gap), (cell - 2.0 * gap, cell - 2.0 * gap), 0.0, fill);
            if count > 0 && cell >= 20.0 {
                let ink = if strength > 0.55 { PAPER } else { INK };
                let text = count.to_string();
                let size = (cell * 0.36).min(16.0).min(cell * 1.4 / text.len() as f64);
                let style = Style::new(size, ink).at(Anchor::Middle);
                let style = if right { style.bold() } else { style };
                scene.text((x + cell / 2.0, y + cell / 2.0 + size * 0.36), text, style);
            }
        }
        if cell >= SHARES_FROM {
            let text = if total == 0 {
                "–".to_string()
            } else {
                format!("{:.1} %", 100.0 * row[class] as f64 / total as f64)
            };
            let size = (cell * 0.42).clamp(8.0, 12.5);
            let x = corner.0 + n as f64 * cell + 14.0;
            scene.text((x, y + cell / 2.0 + size * 0.36), text, Style::new(size, SOFT_INK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_still_make_a_picture_of_a_page() {
        let n = 1000;
        let picture = ConfusionPicture {
            title: "many".to_string(),
            subtitle: String::new(),
            classes: (0..n).map(|class| class.to_string()).collect(),
            counts: (0..n * n).map(|index| u64::from(index % (n + 1) == 0)).collect(),
        };
        let scene = picture.draw();
        assert!(scene.width < 1500.0 && scene.height < 1500.0);
        assert!(scene.to_png(1.0).is_ok_and(|png| png.starts_with(b"\x89PNG")));
    }

    #[test]
    fn a_class_without_rows_is_drawn() {
        let classes = ["a", "b"].map(String::from).to_vec();
        let picture =
            ConfusionPicture { title: String::new(), subtitle: String::new(), classes, counts: vec![3, 0, 0, 0] };
        assert!(picture.draw().to_svg().contains("–"));
    }
}
