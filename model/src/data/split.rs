//! Holding out a part of the rows, by seed; classes keep their shares.

use super::{Dataset, Labels};
use crate::random::{Stream, Use};
use crate::{Element, Error};
use std::collections::BTreeMap;

impl<T: Element> Dataset<T> {
    /// Two parts: the rest, and about `share` of the rows held out. Rows are drawn by `seed`, keep their order
    /// within each part, and with class labels each class is split by itself (stratified).
    ///
    /// ```
    /// use deltarule::Dataset;
    /// let data = Dataset::with_classes((0..10).map(f64::from).collect(), 1, vec![0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 2)?;
    /// let (train, held_out) = data.split(0.4, 1)?;
    /// assert_eq!((train.rows(), held_out.rows()), (6, 4));
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// `share` is not between 0 and 1, or one part would be empty.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), Error> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::setting("held-out share", share, "above 0 and below 1"));
        }
        let mut held_out = vec![false; self.rows];
        for (class, mut group) in self.groups() {
            Stream::new(seed, Use::Split, u64::from(class)).shuffle(&mut group);
            let count = (group.len() as f64 * share).round() as usize;
            group[..count].iter().for_each(|&row| held_out[row] = true);
        }
        let part = |wanted: bool| -> Vec<usize> { (0..self.rows).filter(|&row| held_out[row] == wanted).collect() };
        Ok((self.select(&part(false))?, self.select(&part(true))?))
    }

    /// The rows of each class that occurs; all rows, where there are no classes.
    fn groups(&self) -> BTreeMap<u32, Vec<usize>> {
        let class_of = |row: usize| match &self.labels {
            Labels::Values { .. } => 0,
            Labels::Classes { classes, .. } => classes[row],
        };
        let mut groups = BTreeMap::<u32, Vec<usize>>::new();
        (0..self.rows).for_each(|row| groups.entry(class_of(row)).or_default().push(row));
        groups
    }
}
