//! What a product is: its sizes, and how its factors are stored.
//!
//! A layer of `n` outputs over `k` inputs, with a batch of `m` rows, has three:
//! ```text
//! forward  Z  = X Wᵀ     m×k · (n×k)ᵀ    nt: W is stored as outputs × inputs, or packed once
//! dX       dX = dZ W     m×n · n×k       nn: likewise
//! dW       dW = dZᵀ X    (m×n)ᵀ · m×k    tn: both factors are new in every step, so packing ahead has no meaning
//! ```

use std::fmt;
use std::str::FromStr;

/// How the two factors are stored, row by row: as they are used (`n`) or transposed (`t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// A is stored as k × m.
    pub a_transposed: bool,
    /// B is stored as n × k.
    pub b_transposed: bool,
}

impl Layout {
    /// Both factors as they are used.
    pub const NN: Self = Self { a_transposed: false, b_transposed: false };
    /// B stored transposed, as weights are.
    pub const NT: Self = Self { a_transposed: false, b_transposed: true };
    /// A stored transposed, as activations are for a weight gradient.
    pub const TN: Self = Self { a_transposed: true, b_transposed: false };
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |transposed| if transposed { 't' } else { 'n' };
        write!(f, "{}{}", letter(self.a_transposed), letter(self.b_transposed))
    }
}

impl FromStr for Layout {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let letter = |c| match c {
            'n' => Ok(false),
            't' => Ok(true),
            _ => Err(format!("layout {s:?}: expected nn, nt, tn or tt")),
        };
        match s.chars().collect::<Vec<_>>()[..] {
            [a, b] => Ok(Self { a_transposed: letter(a)?, b_transposed: letter(b)? }),
            _ => Err(format!("layout {s:?}: expected nn, nt, tn or tt")),
        }
    }
}

/// One product, C (m×n) = A (m×k) · B (k×n), and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The name in the table.
    pub name: String,
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// How the factors are stored.
    pub layout: Layout,
}

impl Shape {
    /// By its name and its sizes m, n, k.
    pub fn new(name: impl Into<String>, [m, n, k]: [usize; 3], layout: Layout) -> Self {
        Self { name: name.into(), m, n, k, layout }
    }

    /// Floating-point operations: a multiply and an add for each of m·n·k.
    pub fn flops(&self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }
}

impl FromStr for Shape {
    type Err = String;
    /// `MxNxK:nn`, the layout `nn` where it is left out.
    fn from_str(s: &str) -> Result<Self, String> {
        let (sizes, layout) = s.split_once(':').unwrap_or((s, "nn"));
        let layout: Layout = layout.parse()?;
        let sizes: Result<Vec<usize>, _> = sizes.split('x').map(str::parse).collect();
        match sizes.as_deref() {
            Ok(&[m, n, k]) if m > 0 && n > 0 && k > 0 => {
                Ok(Self::new(format!("{layout} {m} {n} {k}"), [m, n, k], layout))
            }
            _ => Err(format!("shape {s:?}: expected MxNxK:nn with M, N, K at least 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_read_and_a_wrong_one_is_named() {
        assert_eq!("3x5x7:nt".parse(), Ok(Shape::new("nt 3 5 7", [3, 5, 7], Layout::NT)));
        assert_eq!("3x5x7".parse(), Ok(Shape::new("nn 3 5 7", [3, 5, 7], Layout::NN)));
        for (wrong, word) in [
            ("3x5", "3x5"),
            ("3x5x7:nz", "nz"),
            ("3x5x7:n", "\"n\""),
            ("0x1x1", "0x1x1"),
            ("axbxc", "axbxc"),
            ("", "\"\""),
        ] {
            assert!(Shape::from_str(wrong).expect_err(wrong).contains(word), "{wrong}");
        }
    }
}
