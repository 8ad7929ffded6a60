//! The products that are timed when no `--shape` is given.

pub use deltarule_cli::bench::shapes::{Layout, Shape};

use std::str::FromStr;

/// Both factors transposed.
const TT: Layout = Layout { a_transposed: true, b_transposed: true };

/// Products that nobody tunes for: primes, a single row, column or step of k, very many steps, three rows or columns, sizes next to powers of
/// two, tall ones and wide ones; in every layout.
const ODD: [(Layout, &[[usize; 3]]); 4] = [
    (
        Layout::NN,
        &[
            [7, 11, 13],
            [31, 33, 65],
            [97, 101, 103],
            [251, 257, 263],
            [509, 521, 523],
            [1000, 1000, 1000],
            [1025, 1023, 1027],
            [1000, 1, 1000],
            [1, 1000, 1000],
            [1000, 1000, 1],
            [1, 1, 100_000],
            [3, 5, 100_000],
            [3, 1000, 500],
            [500, 3, 1000],
            [10_000, 17, 30],
            [17, 10_000, 30],
        ],
    ),
    (
        Layout::NT,
        &[
            [97, 101, 103],
            [129, 65, 127],
            [251, 257, 263],
            [1001, 999, 1003],
            [31, 1, 57],
            [1, 1000, 1000],
            [300, 200, 1],
            [16, 16, 100_000],
            [3, 1000, 500],
            [1000, 1000, 3],
            [5000, 65, 33],
        ],
    ),
    (
        Layout::TN,
        &[
            [97, 101, 103],
            [251, 257, 263],
            [1001, 999, 1003],
            [1000, 1, 1000],
            [1, 31, 57],
            [1000, 1000, 1],
            [64, 10, 100_000],
            [500, 3, 1000],
            [65, 5000, 33],
        ],
    ),
    (
        TT,
        &[
            [17, 17, 17],
            [97, 101, 103],
            [251, 257, 263],
            [1001, 999, 1003],
            [31, 1, 57],
            [1, 31, 57],
            [300, 200, 1],
            [16, 16, 100_000],
            [3, 1000, 500],
        ],
    ),
];

/// Products that are timed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Set {
    /// Those of a training step on the common nets, and squares from tiny to large.
    #[default]
    Mlp,
    /// Those that nobody tunes for.
    Odd,
}

impl FromStr for Set {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "mlp" => Ok(Self::Mlp),
            "odd" => Ok(Self::Odd),
            _ => Err(format!("--set {s}: expected mlp or odd")),
        }
    }
}

impl Set {
    /// Its products.
    pub fn shapes(self) -> Vec<Shape> {
        match self {
            Self::Mlp => mlp(),
            Self::Odd => {
                let of_layout = |(layout, sizes): (Layout, &[[usize; 3]])| {
                    let shapes =
                        sizes.iter().map(|&[m, n, k]| Shape::new(format!("{layout} {m} {n} {k}"), [m, n, k], layout));
                    shapes.collect::<Vec<_>>()
                };
                ODD.into_iter().flat_map(of_layout).collect()
            }
        }
    }
}

fn mlp() -> Vec<Shape> {
    let squares = [8, 16, 32, 64, 127, 128, 256, 512, 1024, 2048].map(|side| [side; 3]);
    let fwd = [[1, 128, 784], [8, 128, 784], [32, 128, 784], [128, 128, 784], [128, 10, 128], [512, 1024, 1024]];
    let dx = [[128, 128, 10], [512, 1024, 1024]];
    let dw = [[128, 784, 32], [128, 784, 128], [10, 128, 128], [1024, 1024, 512]];
    let mut set = Vec::new();
    let mut add = |prefix: &str, sizes: &[[usize; 3]], layout| {
        set.extend(sizes.iter().map(|&[m, n, k]| Shape::new(format!("{prefix}{m} {n} {k}"), [m, n, k], layout)));
    };
    add("", &squares, Layout::NN);
    add("fwd ", &fwd, Layout::NT);
    add("dx ", &dx, Layout::NN);
    add("dw ", &dw, Layout::TN);
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_row_of_a_table_is_found_by_its_name() {
        for set in [Set::Mlp, Set::Odd] {
            let shapes = set.shapes();
            let names: HashSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
            assert_eq!(names.len(), shapes.len(), "{set:?}");
        }
    }

    #[test]
    fn a_set_is_read_and_an_unknown_one_is_named() {
        assert_eq!(["mlp", "odd"].map(str::parse), [Ok(Set::Mlp), Ok(Set::Odd)]);
        assert_eq!("even".parse::<Set>(), Err("--set even: expected mlp or odd".to_owned()));
    }
}
