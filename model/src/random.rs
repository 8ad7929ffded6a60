//! Random numbers with a documented stream, so that a seed means the same run for ever and everywhere.
//!
//! Every use draws from ChaCha8 with a 32-byte key: the seed as 8 little-endian bytes, then an 8-byte tag that names
//! the use, then zeros. A second number (layer, epoch) picks the ChaCha stream. So the shuffle of epoch 7 is known
//! without drawing those before it, which is what lets a resumed run continue in the middle of an epoch.
//!
//! Held-out parts have no tag, but zeros in its place: so the program has drawn them before the library did, and saved models rely on it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the numbers are for; each use has streams of its own.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// Initial weights; the stream is the layer.
    Weights,
    /// The order of the rows; the stream is the epoch.
    Shuffle,
    /// A held-out part; the stream is what it is held out for, see `data/split.rs`.
    Split,
    /// Which parameters a gradient check looks at; the stream is 0.
    Sample,
}

impl Use {
    fn tag(self) -> &'static [u8; 8] {
        match self {
            Use::Weights => b"weights\0",
            Use::Shuffle => b"shuffle\0",
            Use::Split => &[0; 8],
            Use::Sample => b"sample\0\0",
        }
    }
}

/// One stream of numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// Stream `number` of `seed` for one use.
    pub(crate) fn new(seed: u64, purpose: Use, number: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(purpose.tag());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(number);
        Self(generator)
    }

    /// Uniform in `[0, 1)`: the upper 53 bits of one 64-bit draw.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * f64::EPSILON / 2.0
    }

    /// Standard normal, by Box and Muller from two uniform draws (the sine of the pair is not used).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Uniform in `0..n` for `n ≥ 1`, without bias: Lemire's multiplication, drawing again where it would be uneven.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(n);
            // What is uneven lies below the remainder of 2⁶⁴ by n; the division is only needed where it lies below n.
            if product as u64 >= n || product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fisher and Yates, from the last place down.
    pub(crate) fn shuffle<I>(&mut self, items: &mut [I]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_documented_one() {
        let mut stream = Stream::new(1, Use::Shuffle, 0);
        let mut order: Vec<u32> = (0..10).collect();
        stream.shuffle(&mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<_>>(), "a shuffle is a permutation");
        // A change of these numbers changes every training run there ever was.
        assert_eq!(order, [2, 0, 8, 6, 5, 4, 7, 3, 9, 1]);
    }

    /// Numbers of another program, by the description above.
    #[test]
    fn every_use_has_the_documented_streams() {
        let first = |purpose, number| Stream::new(1, purpose, number).0.next_u64();
        for (purpose, expected) in [
            (Use::Weights, [0xafeb52376ef059b7u64, 0x0424ad93376a544c]),
            (Use::Shuffle, [0x22d086e8bd2f839c, 0xa95446351569f247]),
            (Use::Split, [0x61a94a49a0e95ecf, 0x7b2509f72b8f4646]),
            (Use::Sample, [0xf03f58c176186cc4, 0xd0b984c23633e736]),
        ] {
            assert_eq!([first(purpose, 0), first(purpose, 1 << 32)], expected);
        }
    }

    #[test]
    fn normal_numbers_have_the_right_moments() {
        let mut stream = Stream::new(7, Use::Weights, 3);
        let draws: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn uses_and_streams_differ() {
        let first = |purpose, number| Stream::new(5, purpose, number).0.next_u64();
        assert_ne!(first(Use::Weights, 0), first(Use::Shuffle, 0));
        assert_ne!(first(Use::Shuffle, 0), first(Use::Shuffle, 1));
    }
}
