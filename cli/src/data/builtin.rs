//! The data sets that ship inside the program. `cli/data/README.md` has their sources and licences.

use flate2::read::GzDecoder;

use super::{CsvOptions, DataError, Dataset, TaskChoice, read_csv};

/// A data set inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// UCI handwritten digits: 1,797 rows, 64 features, 10 classes.
    Digits,
    /// Breast cancer Wisconsin (diagnostic): 569 rows, 30 features, 2 classes.
    BreastCancer,
    /// Diabetes of Efron et al.: 442 rows, 10 features, a number.
    Diabetes,
}

impl Builtin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Digits, Self::BreastCancer, Self::Diabetes];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::BreastCancer => "breast-cancer",
            Self::Diabetes => "diabetes",
        }
    }

    /// The set of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Digits => include_bytes!("../../data/digits.csv.gz"),
            Self::BreastCancer => include_bytes!("../../data/breast-cancer.csv.gz"),
            Self::Diabetes => include_bytes!("../../data/diabetes.csv.gz"),
        }
    }

    fn task(self) -> TaskChoice {
        match self {
            Self::Digits | Self::BreastCancer => TaskChoice::Classification,
            Self::Diabetes => TaskChoice::Regression,
        }
    }

    /// Unpacks and parses the set, by the same way as a user's file.
    pub fn load(self) -> Result<Dataset, DataError> {
        let options = CsvOptions { task: self.task(), ..CsvOptions::default() };
        let mut data = read_csv(self.name(), GzDecoder::new(self.bytes()), &options)?;
        data.built_in = true;
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    #[test]
    fn the_sets_have_the_shapes_they_claim() {
        let shapes = [(1797, 64, Task::Classes(10)), (569, 30, Task::Binary), (442, 10, Task::Regression)];
        for (set, (rows, columns, task)) in Builtin::ALL.into_iter().zip(shapes) {
            let data = set.load().expect("the data inside is sound");
            assert_eq!((data.rows, data.columns, data.task()), (rows, columns, Some(task)), "{}", set.name());
            assert_eq!(data.features.len(), rows * columns);
            assert_eq!(data.feature_names.len(), columns);
        }
    }

    #[test]
    fn malignant_is_the_positive_class() {
        let data = Builtin::BreastCancer.load().expect("the data inside is sound");
        assert_eq!(data.class_names(), ["benign", "malignant"]);
    }
}
