//! Everything that a step does with a layer, by a team and inside of each tier.

use super::case::{Case, SHAPES, apart, bits, together};
use crate::activation::Activation;
use crate::dense::array::Array;
use crate::dense::{
    Gradient, Moments, Sum, backward_bias, backward_input, backward_update, backward_weights, forward, update,
};
use crate::element::Element;
use crate::execute::{Compute, Execute, Inside};
use crate::gemm::PackedB;
use crate::isa::{Isa, Kernel, Simd};
use crate::optimiser::Rule;
use crate::team::Team;
use crate::view::{MatMut, MatRef, ShapeError};

/// Everything that a step does with a layer, by whoever; what it leaves, in bits.
///
/// Rows of the batch lie `gap` further apart than they are long, and what lies between them is NaN before and after. If there is a gap, the
/// padding of packed lines is NaN as well: it is read here and there, and reaches no result.
#[inline(always)]
fn layer_by<T: Element>(by: impl Compute<T>, case: &Case<T>, rule: Rule, gap: usize) -> Result<Vec<u64>, ShapeError> {
    let Case { batch, inputs, outputs, .. } = *case;
    let (x, dz) = (apart(&case.x, inputs, gap), apart(&case.dz, outputs, gap));
    let x = MatRef::with_row_stride(&x, batch, inputs, inputs + gap)?;
    let dz = MatRef::with_row_stride(&dz, batch, outputs, outputs + gap)?;
    let mut w = case.weights();
    let mut moments = Moments::zeros_like(&w, rule);
    let (mut z, mut a, mut below) =
        (apart(&case.dz, outputs, gap), apart(&case.dz, outputs, gap), apart(&case.x, inputs, gap));
    let mut again = below.clone();
    let (mut db, mut dw) = (case.bias.clone(), Gradient::zeros_like(&w));
    if gap > 0 {
        let arrays = [Some(&mut w.kept), moments.first.as_mut(), moments.second.as_mut(), Some(&mut dw.lines)];
        arrays.into_iter().flatten().map(Array::packed_mut).chain(&mut w.transposed).for_each(spoil_padding);
    }
    let above = |data| MatMut::with_row_stride(data, batch, outputs, outputs + gap);
    let under = |data| MatMut::with_row_stride(data, batch, inputs, inputs + gap);
    forward(by, x, &w, &case.bias, Activation::Gelu, Some(above(&mut z)?), above(&mut a)?)?;
    backward_input(by, dz, &w, Activation::Tanh, x, under(&mut below)?)?;
    let within = backward_bias(by, dz, T::from_f64(0.5), &mut db)?;
    backward_weights(by, x, dz, Sum::Begins, &mut dw)?;
    let step = rule.step(0.1, 0.01, 1, 1.0);
    backward_update(by, x, dz, &mut w, &mut moments, &step)?;
    let fused = w.to_rows();
    update(by, &mut w, &dw, &mut moments, &step)?;
    // The copy for the way back as well.
    backward_input(by, dz, &w, Activation::Identity, x, under(&mut again)?)?;
    let batches = [together(&z, outputs, gap), together(&a, outputs, gap)];
    let below = [together(&below, inputs, gap), together(&again, inputs, gap)];
    let mut all = [batches.concat(), below.concat(), db, dw.to_rows(), fused, w.to_rows()].concat();
    (0..moments.len()).for_each(|which| all.extend(moments.to_rows(which).unwrap()));
    let found = [u64::from(within), u64::from(dw.is_within(by, T::ONE)), dw.sum_of_squares(by).to_bits()];
    Ok(bits(&all).into_iter().chain(found).collect())
}

/// NaN behind the last columns.
fn spoil_padding<T: Element>(packed: &mut PackedB<T>) {
    let (rows, cols) = (packed.rows(), packed.cols());
    let whole = cols / T::LINE * T::LINE;
    for row in packed.lines_mut()[whole * rows..].chunks_exact_mut(T::LINE) {
        row[cols - whole..].fill(T::from_f64(f64::NAN));
    }
}

struct LayerInside<'a, T>(&'a Case<T>, Rule, usize);

impl<T: Element> Kernel<T> for LayerInside<'_, T> {
    type Output = Result<Vec<u64>, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        layer_by(Inside(simd), self.0, self.1, self.2)
    }
}

#[test]
fn who_computes_a_layer_cannot_be_seen() {
    fn check<T: Element>(shape: (usize, usize, usize), rule: Rule) {
        let case = Case::<T>::new(shape.0, shape.1, shape.2);
        let expected = layer_by(&Team::serial(), &case, rule, 0).unwrap();
        for gap in [0, 1, 16] {
            assert_eq!(
                layer_by(&Team::new(3), &case, rule, gap).unwrap(),
                expected,
                "{shape:?} by a team, {gap} apart"
            );
            for isa in Isa::available() {
                // Without fused multiply-add two roundings take the place of one.
                if isa == Isa::current() || (isa != Isa::Portable && Isa::current() != Isa::Portable) {
                    let inside = isa.kernel(LayerInside(&case, rule, gap)).unwrap();
                    assert_eq!(inside, expected, "{shape:?} inside of {isa}, {gap} apart");
                }
            }
        }
    }
    for shape in SHAPES {
        check::<f32>(shape, Rule::Sgd);
        check::<f64>(shape, Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
    }
}
