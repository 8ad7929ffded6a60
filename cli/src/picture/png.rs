//! A scene as PNG, painted by `tiny-skia`; letters are filled outlines of the embedded typeface.

use ab_glyph::OutlineCurve;
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::font;
use super::palette::{Colour, PAPER};
use super::scene::{Anchor, Mark, Scene, Style};

/// A picture that cannot be painted: no sheet of that size, or an encoder that failed.
#[derive(Debug, thiserror::Error)]
#[error("the picture ({width} × {height} pixels) cannot be painted: {what}")]
pub struct PngError {
    width: u32,
    height: u32,
    what: String,
}

impl Scene {
    /// The picture as a PNG file, `scale` pixels a point.
    pub fn to_png(&self, scale: f64) -> Result<Vec<u8>, PngError> {
        let (width, height) = ((self.width * scale).ceil() as u32, (self.height * scale).ceil() as u32);
        let error = |what: &str| PngError { width, height, what: what.to_string() };
        let mut sheet = Pixmap::new(width, height).ok_or_else(|| error("no such size"))?;
        sheet.fill(Color::from_rgba8(PAPER.0, PAPER.1, PAPER.2, 255));
        let transform = Transform::from_scale(scale as f32, scale as f32);
        for mark in &self.marks {
            paint(&mut sheet, mark, transform);
        }
        sheet.encode_png().map_err(|source| error(&source.to_string()))
    }
}

fn paint(sheet: &mut Pixmap, mark: &Mark, transform: Transform) {
    match mark {
        Mark::Box { x, y, width, height, radius, fill } => {
            if let Some(path) = rounded(*x, *y, *width, *height, *radius) {
                sheet.fill_path(&path, &ink(*fill, 1.0), FillRule::Winding, transform, None);
            }
        }
        Mark::Line { points, colour, width, dash } => {
            let dash = (*dash > 0.0).then(|| StrokeDash::new(vec![*dash as f32; 2], 0.0)).flatten();
            let stroke = Stroke {
                width: *width as f32,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                dash,
                ..Stroke::default()
            };
            if let Some(path) = polyline(points) {
                sheet.stroke_path(&path, &ink(*colour, 1.0), &stroke, transform, None);
            }
        }
        Mark::Dot { x, y, radius, fill, opacity } => {
            if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                sheet.fill_path(&path, &ink(*fill, *opacity), FillRule::Winding, transform, None);
                let rim = Stroke { width: 1.0, ..Stroke::default() };
                sheet.stroke_path(&path, &ink(PAPER, 1.0), &rim, transform, None);
            }
        }
        Mark::Text { x, y, text, style } => write_text(sheet, (*x, *y), text, *style, transform),
    }
}

fn write_text(sheet: &mut Pixmap, at: (f64, f64), text: &str, style: Style, transform: Transform) {
    let width = font::width(text, style);
    let start = match style.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let turn = if style.turned { Transform::from_rotate(-90.0) } else { Transform::identity() };
    let place = turn.post_translate(at.0 as f32, at.1 as f32).post_concat(transform);
    for letter in font::letters(text, style) {
        if let Some(path) = outline(&letter, start + letter.offset) {
            sheet.fill_path(&path, &ink(style.colour, 1.0), FillRule::Winding, place, None);
        }
    }
}

/// Curves joined to closed contours: wherever a curve does not begin where the last one ended, a new contour begins.
fn outline(letter: &font::Letter, offset: f64) -> Option<Path> {
    let point =
        |p: ab_glyph::Point| ((offset + f64::from(p.x) * letter.scale) as f32, (-f64::from(p.y) * letter.scale) as f32);
    let mut path = PathBuilder::new();
    let mut end: Option<ab_glyph::Point> = None;
    for curve in &letter.curves {
        let (first, last) = match curve {
            OutlineCurve::Line(a, b) | OutlineCurve::Quad(a, _, b) | OutlineCurve::Cubic(a, _, _, b) => (*a, *b),
        };
        if end != Some(first) {
            if end.is_some() {
                path.close();
            }
            let (x, y) = point(first);
            path.move_to(x, y);
        }
        let (x, y) = point(last);
        match curve {
            OutlineCurve::Line(..) => path.line_to(x, y),
            OutlineCurve::Quad(_, control, _) => {
                let (cx, cy) = point(*control);
                path.quad_to(cx, cy, x, y);
            }
            OutlineCurve::Cubic(_, one, two, _) => {
                let ((ax, ay), (bx, by)) = (point(*one), point(*two));
                path.cubic_to(ax, ay, bx, by, x, y);
            }
        }
        end = Some(last);
    }
    path.close();
    path.finish()
}

fn polyline(points: &[(f64, f64)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(x as f32, y as f32);
        } else {
            path.line_to(x as f32, y as f32);
        }
    }
    path.finish()
}

/// A box whose corners are quarter circles, each a cubic curve.
fn rounded(x: f64, y: f64, width: f64, height: f64, radius: f64) -> Option<Path> {
    let [x, y, w, h] = [x, y, width, height].map(|value| value as f32);
    let r = (radius as f32).min(w / 2.0).min(h / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(Rect::from_xywh(x, y, w, h)?));
    }
    // Control points of the cubic nearest to a quarter circle lie this share of the radius from the corner.
    let k = r * 0.447_715;
    let (right, bottom) = (x + w, y + h);
    let mut path = PathBuilder::new();
    path.move_to(x + r, y);
    path.line_to(right - r, y);
    path.cubic_to(right - k, y, right, y + k, right, y + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    path.line_to(x + r, bottom);
    path.cubic_to(x + k, bottom, x, bottom - k, x, bottom - r);
    path.line_to(x, y + r);
    path.cubic_to(x, y + k, x + k, y, x + r, y);
    path.close();
    path.finish()
}

fn ink(colour: Colour, opacity: f64) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, (opacity * 255.0).round() as u8);
    paint
}
