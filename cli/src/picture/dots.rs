//! Speeds as dots: a row for each thing that was timed, and on it, on one scale for all, how much of the machine's multiply-add peak we reached,
//! how much every peer did, and where the limit lies.
//!
//! Places on one scale are what eyes compare best, and a row has room for any number of peers. (Cleveland's dot plot.)

use super::axes::{Axes, Frame};
use super::font;
use super::palette::{AXIS, BLUE, Colour, GRID, INK, SOFT_INK, VERMILION};
use super::scene::{Anchor, Scene, Style};
use super::sign::Sign;
use super::ticks::Scale;

/// The per cent at the right end: a little more than all, for clocks rise after a peak was measured. What is beyond is drawn there.
const MOST: f64 = 105.0;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 28.0;
const TOP: f64 = 124.0;
const ROW: f64 = 22.0;
/// From a row's middle down to the base line of its texts.
const BASELINE: f64 = 4.4;
/// The widest name that is not cut.
const WIDEST_NAME: f64 = 300.0;
/// The width of a column of ratios, and where its numbers end and the names of peers begin.
const COLUMN: f64 = 162.0;
const NUMBERS_END: f64 = 32.0;
const PEERS_BEGIN: f64 = 36.0;

const PEER: Sign = Sign::Disc(AXIS, 3.8);
const LIMIT: Sign = Sign::Tick(INK);
/// Larger than the plain call's, and drawn before it: where both are as fast, both are seen.
const PACKED: Sign = Sign::Disc(VERMILION, 6.2);
const PLAIN: Sign = Sign::Disc(BLUE, 4.4);

/// A peer, and how fast it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// GFLOP/s as a share of the peak's.
    pub share: f64,
}

/// How fast we are.
#[derive(Clone, Debug, PartialEq)]
pub struct Ours {
    /// GFLOP/s as a share of the peak's.
    pub share: f64,
    /// Whom this is set against, where there is anybody.
    pub best_peer: Option<Peer>,
}

impl Ours {
    /// How many times as fast as the best peer.
    fn ratio(&self) -> Option<f64> {
        self.best_peer.as_ref().map(|peer| self.share / peer.share)
    }
}

/// One thing that was timed.
#[derive(Clone, Debug, PartialEq)]
pub struct DotRow {
    /// What it is called.
    pub name: String,
    /// What can be reached here at most, as a share of the peak, where that is not the peak itself.
    pub limit: Option<f64>,
    /// What every peer's plain call reaches of the peak.
    pub peers: Vec<f64>,
    /// Our plain call.
    pub plain: Option<Ours>,
    /// The same with B packed beforehand, where that has a meaning.
    pub packed: Option<Ours>,
}

/// The picture of `deltarule bench --picture` and `versus gemm --picture`.
#[derive(Clone, Debug)]
pub struct DotPicture {
    /// What was timed.
    pub title: String,
    /// On what.
    pub subtitle: String,
    /// From top to bottom.
    pub rows: Vec<DotRow>,
}

/// A column of ratios beside the panel.
struct Column {
    name: &'static str,
    colour: Colour,
    ours: fn(&DotRow) -> Option<&Ours>,
}

const COLUMNS: [Column; 2] = [
    Column { name: "deltarule", colour: BLUE, ours: |row| row.plain.as_ref() },
    Column { name: "packed", colour: VERMILION, ours: |row| row.packed.as_ref() },
];

impl DotPicture {
    /// Draws it.
    pub fn draw(&self) -> Scene {
        let height = ROW * self.rows.len() as f64;
        let mut scene = Scene::new(WIDTH, TOP + height + 60.0, self.in_words());
        scene.head(&self.title, &self.subtitle);
        let columns = self.columns();
        let axes = self.axes(height, columns.len());
        axes.draw_uprights(&mut scene);
        axes.draw_across(&mut scene, "% of the multiply-add peak");
        axes.key(&mut scene, &self.key());
        for (index, row) in self.rows.iter().enumerate() {
            draw_row(&mut scene, &axes, (self.rows.len() - index) as f64 - 0.5, row);
        }
        let right = axes.frame.left + axes.frame.width;
        for (index, column) in columns.into_iter().enumerate() {
            self.draw_column(&mut scene, column, right + 18.0 + COLUMN * index as f64);
        }
        scene
    }

    /// The columns of which a row has something to say.
    fn columns(&self) -> Vec<&'static Column> {
        let is_said = |column: &&Column| self.rows.iter().any(|row| (column.ours)(row).and_then(Ours::ratio).is_some());
        COLUMNS.iter().filter(is_said).collect()
    }

    /// The panel, between the names and the columns; rows are counted from its foot.
    fn axes(&self, height: f64, columns: usize) -> Axes {
        let widest = self.rows.iter().map(|row| font::width(&row.name, name_style())).fold(0.0, f64::max);
        let left = MARGIN + widest.min(WIDEST_NAME) + 16.0;
        let width = WIDTH - left - MARGIN - COLUMN * columns as f64;
        let frame = Frame { left, top: TOP, width, height };
        Axes { frame, x: Scale::linear(0.0, MOST), y: Scale::linear(0.0, self.rows.len() as f64) }
    }

    /// The signs that occur.
    fn key(&self) -> Vec<(String, Sign)> {
        let occurs = |of: fn(&DotRow) -> bool| self.rows.iter().any(of);
        let all = [
            (occurs(|row| !row.peers.is_empty()), "peers", PEER),
            (occurs(|row| row.limit.is_some()), "limit", LIMIT),
            (occurs(|row| row.plain.is_some()), "deltarule", PLAIN),
            (occurs(|row| row.packed.is_some()), "packed beforehand", PACKED),
        ];
        all.into_iter().filter(|(occurs, ..)| *occurs).map(|(_, name, sign)| (name.to_string(), sign)).collect()
    }

    /// How many times as fast as the best peer each row is, and who that is.
    fn draw_column(&self, scene: &mut Scene, column: &Column, left: f64) {
        scene.text((left, TOP - 14.0), column.name, Style::new(12.5, column.colour).bold());
        let (number, name) = (Style::new(12.5, INK).at(Anchor::End), Style::new(12.5, SOFT_INK));
        for (index, row) in self.rows.iter().enumerate() {
            let Some(ours) = (column.ours)(row) else { continue };
            let Some((ratio, peer)) = ours.ratio().zip(ours.best_peer.as_ref()) else { continue };
            let y = TOP + ROW * (index as f64 + 0.5) + BASELINE;
            let peer = font::fit(&format!("× {}", peer.name), name, COLUMN - PEERS_BEGIN - 8.0);
            scene.text((left + NUMBERS_END, y), format!("{ratio:.2}"), number);
            scene.text((left + PEERS_BEGIN, y), peer, name);
        }
    }

    /// What is to be seen, for those who cannot see it.
    fn in_words(&self) -> String {
        let plain: Vec<&Ours> = self.rows.iter().filter_map(|row| row.plain.as_ref()).collect();
        let ratios: Vec<f64> = plain.iter().filter_map(|ours| ours.ratio()).collect();
        let mut words = format!("{}. {}", self.title, self.subtitle);
        if let Some((least, most)) = ends(plain.iter().map(|ours| 100.0 * ours.share)) {
            words += &format!(". deltarule reaches {least:.0} to {most:.0} % of the multiply-add peak");
        }
        if !ratios.is_empty() {
            let won = ratios.iter().filter(|&&ratio| ratio >= 1.0).count();
            words += &format!(", and is at least as fast as the best peer in {won} of {} rows", ratios.len());
        }
        words
    }
}

fn name_style() -> Style {
    Style::new(12.5, INK)
}

/// One row: its name, a line to follow, and its marks: ours over the peers', and the limit over all, for a disc that reaches it would hide it.
fn draw_row(scene: &mut Scene, axes: &Axes, level: f64, row: &DotRow) {
    let Frame { left, width, .. } = axes.frame;
    let y = axes.at(0.0, level).1;
    let name = font::fit(&row.name, name_style(), WIDEST_NAME);
    scene.text((left - 12.0, y + BASELINE), name, name_style().at(Anchor::End));
    scene.line(vec![(left, y), (left + width, y)], GRID, 1.0);
    let peers = row.peers.iter().map(|&share| (PEER, share));
    let limit = row.limit.map(|share| (LIMIT, share));
    let packed = row.packed.as_ref().map(|ours| (PACKED, ours.share));
    let plain = row.plain.as_ref().map(|ours| (PLAIN, ours.share));
    for (sign, share) in peers.chain(packed).chain(plain).chain(limit).filter(|(_, share)| share.is_finite()) {
        sign.draw(scene, axes.at(100.0 * share, level));
    }
}

/// The least and the greatest of those that are numbers.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |ends, value| {
        let (least, most) = ends.unwrap_or((value, value));
        Some((value.min(least), value.max(most)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::scene::Mark;
    use super::*;

    fn ours(share: f64, best_peer: Option<(&str, f64)>) -> Option<Ours> {
        let best_peer = best_peer.map(|(name, share)| Peer { name: name.to_string(), share });
        Some(Ours { share, best_peer })
    }

    fn picture(rows: Vec<DotRow>) -> DotPicture {
        DotPicture { title: "Products".to_string(), subtitle: "1 thread".to_string(), rows }
    }

    fn row(plain: f64, packed: Option<f64>) -> DotRow {
        DotRow {
            name: "forward 1×128×784".to_string(),
            limit: Some(0.6),
            peers: vec![0.25, 0.4],
            plain: ours(plain, Some(("faer", 0.4))),
            packed: packed.and_then(|share| ours(share, Some(("gemmkit packed", 0.5)))),
        }
    }

    /// The middles of the discs of a colour.
    fn discs(scene: &Scene, colour: Colour) -> Vec<(f64, f64)> {
        let of = |mark: &Mark| match *mark {
            // Those of the key lie above the panel.
            Mark::Dot { x, y, fill, .. } if fill == colour && y > TOP => Some((x, y)),
            _ => None,
        };
        scene.marks.iter().filter_map(of).collect()
    }

    fn texts(scene: &Scene) -> Vec<&str> {
        let words = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        words.collect()
    }

    #[test]
    fn marks_lie_where_their_values_say() {
        let picture = picture(vec![row(0.5, None), row(0.42, Some(0.55))]);
        let (scene, axes) = (picture.draw(), picture.axes(2.0 * ROW, 2));
        let places = |shares: &[f64], row: f64| -> Vec<_> {
            let at = |share: &f64| (axes.frame.left + share / 1.05 * axes.frame.width, TOP + ROW * (row + 0.5));
            shares.iter().map(at).collect()
        };
        let near = |found: Vec<(f64, f64)>, wanted: Vec<(f64, f64)>| {
            let apart = |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).abs().max((a.1 - b.1).abs());
            assert_eq!(found.len(), wanted.len());
            assert!(found.iter().zip(&wanted).map(apart).all(|apart| apart < 1e-9), "{found:?}, not {wanted:?}");
        };
        near(discs(&scene, BLUE), [places(&[0.5], 0.0), places(&[0.42], 1.0)].concat());
        near(discs(&scene, VERMILION), places(&[0.55], 1.0));
        near(discs(&scene, AXIS), [places(&[0.25, 0.4], 0.0), places(&[0.25, 0.4], 1.0)].concat());
        let (x, y) = places(&[0.6], 1.0)[0];
        let is_the_limit = |mark: &Mark| match mark {
            Mark::Line { points, colour: INK, .. } => {
                (points[0].0 - x).abs() < 1e-9 && points[0].1 < y && y < points[1].1
            }
            _ => false,
        };
        assert_eq!(scene.marks.iter().filter(|mark| is_the_limit(mark)).count(), 1);
    }

    #[test]
    fn each_row_says_how_many_times_as_fast_as_whom_it_is() {
        let scene = picture(vec![row(0.42, Some(0.55)), row(0.3, None)]).draw();
        let texts = texts(&scene);
        for text in ["Products", "forward 1×128×784", "1.05", "× faer", "1.10", "× gemmkit packed", "0.75", "100"] {
            assert!(texts.contains(&text), "{text}: {texts:?}");
        }
        assert!(scene.description.starts_with("Products. 1 thread. deltarule reaches 30 to 42 % of"));
        assert!(scene.description.ends_with("at least as fast as the best peer in 1 of 2 rows"));
    }

    #[test]
    fn what_is_beyond_the_scale_is_drawn_at_its_end() {
        let picture = picture(vec![row(3.0, Some(f64::INFINITY)), row(-0.1, Some(f64::NAN))]);
        let (scene, Frame { left, width, .. }) = (picture.draw(), picture.axes(2.0 * ROW, 2).frame);
        let across: Vec<f64> = discs(&scene, BLUE).iter().map(|place| place.0).collect();
        assert_eq!(across, [left + width, left]);
        // What is no number has no place.
        assert!(discs(&scene, VERMILION).is_empty());
    }

    #[test]
    fn a_picture_has_no_word_for_what_it_does_not_show() {
        let alone = DotRow { limit: None, peers: Vec::new(), plain: ours(0.5, None), ..row(0.0, None) };
        let scene = picture(vec![alone]).draw();
        let texts = texts(&scene);
        assert!(
            !["peers", "limit", "packed", "packed beforehand"].iter().any(|word| texts.contains(word)),
            "{texts:?}"
        );
        assert!(scene.description.ends_with("deltarule reaches 50 to 50 % of the multiply-add peak"));
    }

    #[test]
    fn no_rows_are_drawn_too() {
        let scene = picture(Vec::new()).draw();
        assert_eq!(scene.description, "Products. 1 thread");
        assert!(scene.to_png(1.0).is_ok_and(|png| png.starts_with(b"\x89PNG")));
    }

    #[test]
    fn long_names_are_cut_and_leave_room_for_the_panel() {
        let mut long = row(0.5, Some(0.6));
        long.name = "a product ".repeat(50);
        long.plain = ours(0.5, Some(("a library whose name never ends", 0.4)));
        let picture = picture(vec![long]);
        assert!(picture.axes(ROW, 2).frame.width > 250.0);
        let scene = picture.draw();
        assert_eq!(texts(&scene).iter().filter(|text| text.ends_with('…')).count(), 2);
    }
}
