//! A scene as SVG text. Text stays text, so that it can be searched and read aloud.

use std::fmt::Write as _;

use super::palette::PAPER;
use super::scene::{Anchor, Mark, Scene, Style};

const FAMILY: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";

impl Scene {
    /// The picture as an SVG document.
    pub fn to_svg(&self) -> String {
        let (width, height) = (number(self.width), number(self.height));
        let mut svg = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\">"
        );
        let _ = writeln!(svg, "<title>{}</title>", escaped(&self.description));
        let _ = writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>", PAPER.hex());
        for mark in &self.marks {
            write_mark(&mut svg, mark);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn write_mark(svg: &mut String, mark: &Mark) {
    let _ = match mark {
        Mark::Box { x, y, width, height, radius, fill } => writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\"/>",
            number(*x),
            number(*y),
            number(*width),
            number(*height),
            number(*radius),
            fill.hex()
        ),
        Mark::Line { points, colour, width, dash } => {
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
            let dashes = if *dash > 0.0 { format!(" stroke-dasharray=\"{}\"", number(*dash)) } else { String::new() };
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" \
                 stroke-linecap=\"round\"{dashes}/>",
                path.join(" "),
                colour.hex(),
                number(*width)
            )
        }
        Mark::Dot { x, y, radius, fill, opacity } => writeln!(
            svg,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" fill-opacity=\"{}\" stroke=\"{}\" stroke-width=\"1\"/>",
            number(*x),
            number(*y),
            number(*radius),
            fill.hex(),
            number(*opacity),
            PAPER.hex()
        ),
        Mark::Text { x, y, text, style } => {
            writeln!(svg, "<text {}>{}</text>", attributes(*x, *y, *style), escaped(text))
        }
    };
}

fn attributes(x: f64, y: f64, style: Style) -> String {
    let anchor = match style.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let weight = if style.bold { " font-weight=\"600\"" } else { "" };
    let place = if style.turned {
        format!("transform=\"translate({} {}) rotate(-90)\"", number(x), number(y))
    } else {
        format!("x=\"{}\" y=\"{}\"", number(x), number(y))
    };
    let (size, fill) = (number(style.size), style.colour.hex());
    format!("{place} font-size=\"{size}\" fill=\"{fill}\" text-anchor=\"{anchor}\"{weight}")
}

/// At most two decimals, and none that are zero.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text with the signs that XML keeps for itself written out, and the control characters it forbids left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control() && *letter != '\u{fffe}' && *letter != '\u{ffff}') {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::palette::INK;
    use super::*;

    #[test]
    fn text_from_outside_cannot_break_the_document() {
        let mut scene = Scene::new(10.0, 10.0, "a < b & \u{0}c");
        scene.text((1.0, 2.5), "</text><script>\"", Style::new(9.0, INK));
        let svg = scene.to_svg();
        assert!(svg.contains("<title>a &lt; b &amp; c</title>"), "{svg}");
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&quot;</text>"), "{svg}");
    }
}
