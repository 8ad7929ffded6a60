//! The baseline of the step bench: a step as one writes it by hand in an afternoon, products by matrixmultiply and plain
//! loops around them. ReLU, cross-entropy, gradient descent.

use crate::cases::{Case, RATE};
use deltarule::{Activation, Loss, Optimiser};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// C (m × n) = A B, all row-major or transposed by strides.
fn multiply(sizes: [usize; 3], a: (&[f32], [isize; 2]), b: (&[f32], [isize; 2]), c: &mut [f32]) {
    let [m, n, k] = sizes;
    assert!(a.0.len() >= m * k && b.0.len() >= k * n && c.len() >= m * n);
    let ([rsa, csa], [rsb, csb]) = (a.1, b.1);
    // SAFETY: the lengths were checked; the strides are those of gapless matrices of these sizes.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.0.as_ptr(),
            rsa,
            csa,
            b.0.as_ptr(),
            rsb,
            csb,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// A net, its batch and its buffers.
pub struct Baseline {
    batch: usize,
    widths: Vec<usize>,
    /// `a[0]` is the input.
    a: Vec<Vec<f32>>,
    dz: Vec<Vec<f32>>,
    /// Outputs × inputs.
    w: Vec<Vec<f32>>,
    b: Vec<Vec<f32>>,
    dw: Vec<Vec<f32>>,
    classes: Vec<usize>,
}

impl Baseline {
    /// The same net as the case; none where the case is not of this kind.
    pub fn of(case: &Case) -> Option<Self> {
        if case.activation != Activation::Relu
            || case.plan.loss != Loss::CrossEntropy
            || case.plan.optimiser != Optimiser::sgd().rate(RATE)
        {
            return None;
        }
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let (batch, widths) = (case.plan.batch, case.widths.clone());
        let outputs = *widths.last()?;
        let classes = (0..batch).map(|_| random.random_range(0..outputs)).collect();
        let mut noise =
            |len: usize, scale: f32| -> Vec<f32> { (0..len).map(|_| random.random_range(-scale..scale)).collect() };
        let pairs = || widths.windows(2).map(|pair| (pair[0], pair[1]));
        Some(Self {
            a: widths.iter().map(|&width| noise(batch * width, 1.0)).collect(),
            dz: widths.iter().map(|&width| vec![0.0; batch * width]).collect(),
            w: pairs().map(|(i, o)| noise(i * o, 1.0 / (i as f32).sqrt())).collect(),
            b: pairs().map(|(_, o)| vec![0.0; o]).collect(),
            dw: pairs().map(|(i, o)| vec![0.0; i * o]).collect(),
            classes,
            batch,
            widths,
        })
    }

    /// Forward, loss, backward, update.
    pub fn step(&mut self) {
        (0..self.w.len()).for_each(|l| self.forward(l));
        self.loss();
        for l in (0..self.w.len()).rev() {
            self.backward(l);
        }
    }

    fn forward(&mut self, l: usize) {
        let (inputs, outputs) = (self.widths[l], self.widths[l + 1]);
        let (below, above) = self.a.split_at_mut(l + 1);
        let (x, z) = (&below[l], &mut above[0]);
        multiply([self.batch, outputs, inputs], (x, [inputs as isize, 1]), (&self.w[l], [1, inputs as isize]), z);
        let hidden = l + 1 < self.w.len();
        for row in z.chunks_exact_mut(outputs) {
            for (z, b) in row.iter_mut().zip(&self.b[l]) {
                *z = if hidden { (*z + b).max(0.0) } else { *z + b };
            }
        }
    }

    /// The softmax's gradient, averaged over the rows.
    #[expect(clippy::disallowed_methods, reason = "as one writes it in an afternoon")]
    fn loss(&mut self) {
        let outputs = self.widths[self.w.len()];
        let (z, dz) = (&self.a[self.w.len()], &mut self.dz[self.w.len()]);
        for ((z, dz), &class) in z.chunks_exact(outputs).zip(dz.chunks_exact_mut(outputs)).zip(&self.classes) {
            let top = z.iter().fold(f32::NEG_INFINITY, |top, &z| top.max(z));
            let total: f32 = z.iter().map(|z| (z - top).exp()).sum();
            for (j, (dz, z)) in dz.iter_mut().zip(z).enumerate() {
                *dz = ((z - top).exp() / total - f32::from(u8::from(j == class))) / self.batch as f32;
            }
        }
    }

    fn backward(&mut self, l: usize) {
        let (inputs, outputs, batch) = (self.widths[l], self.widths[l + 1], self.batch);
        let (below, above) = self.dz.split_at_mut(l + 1);
        let (dx, dz, x) = (&mut below[l], &above[0], &self.a[l]);
        if l > 0 {
            multiply([batch, inputs, outputs], (dz, [outputs as isize, 1]), (&self.w[l], [inputs as isize, 1]), dx);
            for (dx, x) in dx.iter_mut().zip(x) {
                *dx = if *x > 0.0 { *dx } else { 0.0 };
            }
        }
        multiply([outputs, inputs, batch], (dz, [1, outputs as isize]), (x, [inputs as isize, 1]), &mut self.dw[l]);
        self.w[l].iter_mut().zip(&self.dw[l]).for_each(|(w, dw)| *w -= RATE as f32 * dw);
        for dz in dz.chunks_exact(outputs) {
            self.b[l].iter_mut().zip(dz).for_each(|(b, dz)| *b -= RATE as f32 * dz);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::all;

    #[test]
    fn rows_have_different_classes() {
        for case in all() {
            let Some(baseline) = Baseline::of(&case) else { continue };
            let first = baseline.classes[0];
            assert!(baseline.classes.iter().any(|&class| class != first), "{}", case.name);
        }
    }
}
