//! Where the weights start: random enough to differ, scaled so that signals keep their size through the layers.

use crate::random::{Stream, Use};
use crate::{Activation, Element, Named, UnknownName};
use std::fmt;
use std::str::FromStr;

/// How the weights of a layer are drawn. Biases start at zero.
///
/// Each name fixes the variance; the normal and the uniform form share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Init {
    /// Normal, variance `2 / inputs`: keeps the size of the signal through ReLU-like activations.
    He,
    /// Uniform of the same variance as [`Init::He`].
    HeUniform,
    /// Normal, variance `2 / (inputs + outputs)`: for sigmoid, tanh and linear layers.
    Glorot,
    /// Uniform of the same variance as [`Init::Glorot`].
    GlorotUniform,
    /// Normal, variance `1 / inputs`.
    LeCun,
    /// Uniform of the same variance as [`Init::LeCun`].
    LeCunUniform,
}

impl Named for Init {
    const WHAT: &'static str = "initialiser";
    const ALL: &'static [Self] =
        &[Init::He, Init::HeUniform, Init::Glorot, Init::GlorotUniform, Init::LeCun, Init::LeCunUniform];

    fn names(self) -> &'static [&'static str] {
        match self {
            Init::He => &["he"],
            Init::HeUniform => &["he-uniform"],
            Init::Glorot => &["glorot"],
            Init::GlorotUniform => &["glorot-uniform"],
            Init::LeCun => &["lecun"],
            Init::LeCunUniform => &["lecun-uniform"],
        }
    }
}

impl fmt::Display for Init {
    /// The [name](Named::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Init {
    type Err = UnknownName;

    /// By [name](Named::named).
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::named(name)
    }
}

impl Init {
    /// What an expert picks for a layer followed by `activation`.
    pub fn suited_to(activation: Activation) -> Self {
        match activation {
            Activation::Identity | Activation::Sigmoid | Activation::Tanh => Init::Glorot,
            _ => Init::He,
        }
    }

    /// The standard deviation of the weights of an `outputs × inputs` layer.
    fn deviation(self, inputs: usize, outputs: usize) -> f64 {
        let variance = match self {
            Init::He | Init::HeUniform => 2.0 / inputs as f64,
            Init::Glorot | Init::GlorotUniform => 2.0 / (inputs as f64 + outputs as f64),
            Init::LeCun | Init::LeCunUniform => 1.0 / inputs as f64,
        };
        variance.sqrt()
    }

    /// `outputs × inputs` weights, row by row, from stream `layer` of `seed`.
    pub(crate) fn draw<T: Element>(self, inputs: usize, outputs: usize, seed: u64, layer: usize) -> Vec<T> {
        let mut stream = Stream::new(seed, Use::Weights, layer as u64);
        let deviation = self.deviation(inputs, outputs);
        let mut draw = || match self {
            Init::He | Init::Glorot | Init::LeCun => deviation * stream.normal(),
            // A uniform number in [−r, r] has the variance r² / 3.
            _ => deviation * 3f64.sqrt() * (2.0 * stream.unit() - 1.0),
        };
        (0..inputs * outputs).map(|_| T::from_f64(draw())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for &init in Init::ALL {
            assert_eq!(init.to_string().parse(), Ok(init));
        }
        assert_eq!("He_Uniform".parse(), Ok(Init::HeUniform));
    }

    #[test]
    fn every_initialiser_has_its_variance() {
        let (inputs, outputs) = (200, 300);
        for (init, variance) in [
            (Init::He, 2.0 / 200.0),
            (Init::HeUniform, 2.0 / 200.0),
            (Init::Glorot, 2.0 / 500.0),
            (Init::GlorotUniform, 2.0 / 500.0),
            (Init::LeCun, 1.0 / 200.0),
            (Init::LeCunUniform, 1.0 / 200.0),
        ] {
            let w: Vec<f64> = init.draw(inputs, outputs, 1, 0);
            let found = w.iter().map(|w| w * w).sum::<f64>() / w.len() as f64;
            assert!((found / variance - 1.0).abs() < 0.03, "{init:?}: {found} is not {variance}");
        }
    }

    /// A change of these numbers, which were computed from the description in `random.rs` by another program, changes every run there ever was.
    #[test]
    fn a_seed_means_these_weights() {
        for (init, layer, expected) in [
            (Init::He, 0, [0x3f33a3b7, 0x3f72f55b, 0x3ee8ea4d, 0xbf27758e, 0x3f6a701d, 0xbfd0a458u32]),
            (Init::He, 1, [0x401279e0, 0xbd417e37, 0xbef886a7, 0x3fda4103, 0x3f1b94e1, 0xbdb1ac55]),
            (Init::HeUniform, 0, [0x3f078939, 0xbf7a08e8, 0x3c80c482, 0xbfa949ca, 0x3e9bec50, 0xbf655c56]),
            (Init::HeUniform, 1, [0x3fb00f1c, 0x3fa40b51, 0xbf1fbb64, 0x3f2cc6b4, 0x3e0390f5, 0x3ef85e4f]),
            (Init::Glorot, 0, [0x3f0b25ee, 0x3f3c31de, 0x3eb46a56, 0xbf01b69e, 0x3f359848, 0xbfa19d06]),
            (Init::GlorotUniform, 0, [0x3ed1f8b5, 0xbf41ad16, 0x3c477c66, 0xbf83214f, 0x3e718e16, 0xbf31a97a]),
            (Init::LeCun, 0, [0x3efe0c73, 0x3f2bcc2c, 0x3ea4b22a, 0xbeecd2b5, 0x3f25c5cd, 0xbf93883b]),
            (Init::LeCunUniform, 0, [0x3ebfad49, 0xbf30cd22, 0x3c361adb, 0xbf6f68e4, 0x3e5c8231, 0xbf222eb8]),
        ] {
            let w: Vec<f32> = init.draw(3, 2, 1, layer);
            let bits: Vec<u32> = w.iter().map(|w| w.to_bits()).collect();
            assert_eq!(bits, expected, "{init:?}, layer {layer}: {bits:#x?}");
        }
    }

    #[test]
    fn both_element_types_draw_the_same_numbers() {
        let wide: Vec<f64> = Init::He.draw(5, 7, 42, 1);
        let narrow: Vec<f32> = Init::He.draw(5, 7, 42, 1);
        assert!(wide.iter().zip(&narrow).all(|(&w, &n)| w as f32 == n));
    }
}
