//! Holding out a part of the rows, by seed; classes keep their shares.

use super::{Dataset, Labels};
use crate::random::{Stream, Use};
use crate::{Element, Error};

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
        for (stream, mut group) in self.groups().into_iter().enumerate() {
            Stream::new(seed, Use::Split, stream as u64).shuffle(&mut group);
            let count = (group.len() as f64 * share).round() as usize;
            group[..count].iter().for_each(|&row| held_out[row] = true);
        }
        let part = |wanted: bool| -> Vec<usize> { (0..self.rows).filter(|&row| held_out[row] == wanted).collect() };
        Ok((self.select(&part(false))?, self.select(&part(true))?))
    }

    /// The rows of each class; all rows, where there are none.
    fn groups(&self) -> Vec<Vec<usize>> {
        match &self.labels {
            Labels::Values { .. } => vec![(0..self.rows).collect()],
            Labels::Classes { classes, count } => {
                let mut groups = vec![Vec::new(); *count];
                for (row, &class) in classes.iter().enumerate() {
                    groups[class as usize].push(row);
                }
                groups
            }
        }
    }
}
