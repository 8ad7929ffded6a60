//! Numbers that say which data a run learns from: other values, another order or other parts have others.

use crate::data::{Dataset, Features, Split, Target};

/// What FNV-1a begins with and multiplies by.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The fingerprint of the features, the targets and the rows of each part. Names are left to those who can say which differ.
pub(crate) fn of_parts(data: &Dataset, split: &Split) -> u64 {
    let mut print = Print::of(data);
    for part in [&split.train, &split.validation, &split.test] {
        print.words([part.len() as u64]);
        print.words(part.iter().map(|&row| row as u64));
    }
    print.0
}

/// The fingerprint of the features and the targets alone, in the order of the rows: all that a test part is drawn from, and more.
pub(crate) fn of_rows(data: &Dataset) -> u64 {
    Print::of(data).0
}

/// Up to eight bytes.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte))
}

/// FNV-1a of words in place of bytes, which takes an eighth of the time.
struct Print(u64);

impl Print {
    fn of(data: &Dataset) -> Self {
        let mut print = Self(START);
        print.words([data.rows as u64, data.columns as u64]);
        match &data.features {
            Features::Bytes(pixels) => print.words(pixels.chunks(8).map(word)),
            Features::Floats(values) => print.words(values.iter().map(|value| value.to_bits())),
        }
        match &data.target {
            Target::Classes { labels, .. } => print.words(labels.iter().map(|&label| u64::from(label))),
            Target::Values(values) => print.words(values.iter().map(|value| value.to_bits())),
            Target::Absent => {}
        }
        print
    }

    fn words(&mut self, words: impl IntoIterator<Item = u64>) {
        for word in words {
            let product = (self.0 ^ word).wrapping_mul(PRIME);
            // A product carries upwards only: without this the signs of two numbers could change unnoticed.
            self.0 = product ^ (product >> 32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Builtin, Fractions, Kept, Places};

    fn change(data: &mut Dataset, row: usize, by: impl Fn(f64) -> f64) {
        let Features::Floats(values) = &mut data.features else { panic!("diabetes has numbers") };
        let value = &mut values[row * data.columns];
        *value = by(*value);
    }

    #[test]
    fn it_tells_data_and_parts_apart() {
        let data = Builtin::Diabetes.load().expect("the data inside is sound");
        let part = |test, seed| Split::new(&data, Fractions { test, validation: 0.2 }, seed).expect("enough rows");
        let split = part(0.2, 1);
        let same = of_parts(&data, &split);
        assert_eq!(same, of_parts(&data.clone(), &split.clone()));
        let mut others = vec![of_parts(&data, &part(0.2, 2)), of_parts(&data, &part(0.3, 1))];
        let mut other = data.clone();
        change(&mut other, 7, |value| f64::from_bits(value.to_bits() ^ 1));
        others.push(of_parts(&other, &split));
        let mut other = data.clone();
        change(&mut other, 7, |value| -value);
        change(&mut other, 9, |value| -value);
        others.push(of_parts(&other, &split));
        let mut other = data.clone();
        let Target::Values(values) = &mut other.target else { panic!("diabetes is a number") };
        let apart = values.iter().position(|value| *value != values[0]).expect("targets differ");
        values.swap(0, apart);
        others.push(of_parts(&other, &split));
        assert_ne!(of_rows(&other), of_rows(&data));
        others.push(same);
        let count = others.len();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), count);
    }

    #[test]
    fn the_last_pixels_count_too() {
        let images = |last: u8| Dataset {
            name: "images".to_string(),
            rows: 1,
            columns: 11,
            feature_names: Vec::new(),
            target_name: String::new(),
            features: Features::Bytes([&[0; 10][..], &[last]].concat()),
            target: Target::Absent,
            places: Places::default(),
            official_test: None,
            kept: Kept::default(),
            built_in: false,
        };
        let split = Split { train: vec![0], validation: Vec::new(), test: Vec::new() };
        assert_ne!(of_parts(&images(1), &split), of_parts(&images(2), &split));
    }
}
