//! The embedded typeface: how wide a text is, and the outlines of its letters.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlineCurve};

use super::scene::Style;

/// `None` only if the embedded bytes were damaged; texts are then left out rather than the run lost.
static REGULAR: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../../fonts/Inter-Regular-subset.otf")).ok());
static SEMI_BOLD: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../../fonts/Inter-SemiBold-subset.otf")).ok());

fn face(bold: bool) -> Option<&'static FontRef<'static>> {
    if bold { SEMI_BOLD.as_ref() } else { REGULAR.as_ref() }
}

/// Width of a text in points.
pub(super) fn width(text: &str, style: Style) -> f64 {
    let Some(font) = face(style.bold) else { return 0.0 };
    let units = f64::from(font.units_per_em().unwrap_or(1000.0));
    let advance: f64 = text.chars().map(|c| f64::from(font.h_advance_unscaled(font.glyph_id(c)))).sum();
    advance / units * style.size
}

/// The text, or as much of it as fits with an ellipsis.
pub(super) fn fit(text: &str, style: Style, room: f64) -> String {
    if width(text, style) <= room {
        return text.to_string();
    }
    let mut shown: String = text.to_string();
    while shown.pop().is_some() {
        let candidate = format!("{}…", shown.trim_end());
        if width(&candidate, style) <= room {
            return candidate;
        }
    }
    String::new()
}

/// A letter's outline: curves in units of the font, and the factor and offset that bring them to points, y downwards.
pub(super) struct Letter {
    pub(super) curves: Vec<OutlineCurve>,
    pub(super) offset: f64,
    pub(super) scale: f64,
}

/// The letters of a text, laid side by side from offset 0.
pub(super) fn letters(text: &str, style: Style) -> Vec<Letter> {
    let Some(font) = face(style.bold) else { return Vec::new() };
    let scale = style.size / f64::from(font.units_per_em().unwrap_or(1000.0));
    let mut offset = 0.0;
    let mut letters = Vec::new();
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        if let Some(outline) = font.outline(glyph) {
            letters.push(Letter { curves: outline.curves, offset, scale });
        }
        offset += f64::from(font.h_advance_unscaled(glyph)) * scale;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::super::palette::INK;
    use super::*;

    #[test]
    fn both_faces_are_sound_and_hold_the_signs_in_use() {
        for bold in [false, true] {
            let font = face(bold).expect("the embedded font is sound");
            for sign in "Aaß0123456789.,-−–—→×·²≤%()/|…éžΩλя‘’".chars() {
                assert_ne!(font.glyph_id(sign).0, 0, "{sign} is missing");
            }
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let style = Style::new(10.0, INK);
        let cut = fit("a rather long text", style, 40.0);
        assert!(cut.ends_with('…') && width(&cut, style) <= 40.0);
        assert_eq!(fit("short", style, 100.0), "short");
    }
}
