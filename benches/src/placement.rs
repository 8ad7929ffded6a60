//! How the matrices of a product lie in memory: without gaps, A and B where the allocator puts them; or as a caller's may lie as well, rows a power
//! of two apart, off every alignment. All contenders get them alike.

use deltarule_cli::bench::placed::Placed;
use deltarule_kernels::Element;
use std::ops::Deref;
use std::rc::Rc;

/// The elements of a factor, which the contenders share.
pub type Factor<T> = Rc<dyn Deref<Target = [T]>>;

/// What `--lead` and `--offset` ask for, of A, B and C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Rows begin a power of two of elements apart: the least that is at least so many and as many as a row has.
    pub lead: Option<usize>,
    /// Bytes behind a page where each matrix begins.
    pub offset: Option<usize>,
}

impl Placement {
    /// Elements from the beginning of a row of `len` elements, as it is stored, to that of the next.
    pub fn lead(&self, len: usize) -> usize {
        self.lead.map_or(len, |least| least.max(len).next_power_of_two())
    }

    /// Room for so many rows of `len` elements.
    pub fn room<T: Element>(&self, rows: usize, len: usize) -> Placed<T> {
        let room = rows * self.lead(len);
        self.offset.map_or_else(|| Placed::zeros(room), |bytes| Placed::zeros_behind(room, bytes))
    }

    /// A factor of so many rows, that has been made without gaps.
    pub fn place<T: Element>(&self, rows: usize, factor: Vec<T>) -> Factor<T> {
        if *self == Self::default() {
            return Rc::new(factor);
        }
        let len = factor.len() / rows;
        let mut placed = self.room(rows, len);
        for (to, from) in placed.chunks_exact_mut(self.lead(len)).zip(factor.chunks_exact(len)) {
            to[..len].copy_from_slice(from);
        }
        Rc::new(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_a_power_of_two_apart() {
        let with = |lead| Placement { lead, offset: None };
        let leads = [(None, 3, 3), (Some(1), 3, 4), (Some(1), 4, 4), (Some(64), 3, 64), (Some(64), 100, 128)];
        assert!(leads.iter().all(|&(lead, len, expected)| with(lead).lead(len) == expected));
        let placed = with(Some(4)).place(2, vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(placed[..], [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]);
    }

    #[test]
    fn a_factor_begins_where_it_is_said() {
        let placed = Placement { lead: None, offset: Some(4) }.place(1, vec![1.0f32, 2.0]);
        assert_eq!((placed.as_ptr().addr() % 64, &placed[..]), (4, &[1.0, 2.0][..]));
    }
}
