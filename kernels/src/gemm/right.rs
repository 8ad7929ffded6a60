//! A right-hand side that is packed on the way, as lines in scratch.

use super::operand::{Output, Right};
use super::pack::{pack_lines, packed_len};
use super::product::Product;
use super::scratch::Lent;
use super::transposition::Transposition;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, change_each};

impl<T: Element> Product<T> {
    /// α′ B packed in the thread's own scratch, which must be kept until the product is done.
    pub(super) fn pack_right(&self, isa: Isa, lent: &mut Lent<T>) -> Right<T> {
        if let Right::Lines { .. } = self.b {
            return self.b;
        }
        self.pack_right_to(isa, self.room_for_right(lent));
        self.packed_right(lent)
    }

    /// As much of a thread's scratch as B takes when it is packed.
    pub(super) fn room_for_right<'a>(&self, lent: &'a mut Lent<T>) -> &'a mut [T] {
        let len = packed_len::<T>(self.k, self.n);
        lent.grow(len);
        &mut lent.as_mut()[..len]
    }

    /// B that has been packed there.
    pub(super) fn packed_right(&self, lent: &mut Lent<T>) -> Right<T> {
        Right::Lines { data: lent.as_mut().as_ptr(), line: self.k * T::LINE }
    }

    /// The product with a B that has been packed, and holds its factor.
    #[inline(always)]
    pub(super) fn with_packed_right(&self, b: Right<T>) -> Self {
        Self { b, alpha_right: T::ONE, ..*self }
    }

    /// α′ B, which is not packed yet, packed to `lines`.
    pub(super) fn pack_right_to(&self, isa: Isa, lines: &mut [T]) {
        match self.b {
            Right::Lines { .. } => unreachable!("packed already"),
            // SAFETY: `self` vouches for B.
            Right::Strided { data, row, col } => unsafe { pack_lines(isa, data, (row, col), (self.k, self.n), lines) },
            Right::LinesOfTranspose { data, line } => {
                if !self.n.is_multiple_of(T::LINE) {
                    let last = lines.len() - self.k * T::LINE;
                    lines[last..].fill(T::ZERO);
                }
                let from = Output::lines(data.cast_mut(), line / T::LINE);
                let to = Output::lines(lines.as_mut_ptr(), self.k);
                // SAFETY: `self` vouches for B, whose transpose is n × k, and `lines` has room for k × n in packed lines.
                T::dispatch(isa, unsafe { Transposition::new(from, to, 0..self.n, 0..self.k) });
            }
        }
        self.scale_right(isa, lines);
    }

    /// α′ into packed lines of B.
    pub(super) fn scale_right(&self, isa: Isa, lines: &mut [T]) {
        if self.alpha_right != T::ONE {
            T::dispatch(isa, Times { factor: self.alpha_right, lines });
        }
    }
}

/// So many times each number of some lines, in place.
struct Times<'a, T> {
    factor: T,
    lines: &'a mut [T],
}

impl<T: Element> Kernel<T> for Times<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let factor = simd.splat(self.factor);
        change_each(
            simd,
            self.lines,
            #[inline(always)]
            |x| simd.mul(factor, x),
        );
    }
}
