//! What does not fit is refused before anything is written: each function takes sizes that fit, and none of them one smaller or one larger.
//! Nothing else stands between a wrong size and the pointers below.

use deltarule_kernels::dense::{
    Below, Sum, backward_bias, backward_input, backward_single, backward_update, backward_weights, bias_sums, forward,
    update,
};
use deltarule_kernels::{
    Activation, Gradient, Isa, MatMut, MatRef, Moments, PackedB, Rule, ShapeError, Team, Weights, gemm_on, gemm_packed,
    softmax_rows,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Elements that any view here finds room in.
const ROOM: usize = 1024;
/// From one row to the next.
const ROW: usize = 8;
/// What is read.
static ONES: [f32; ROOM] = [1.0; ROOM];

/// What is written, zeros before: views take the rooms, and what has memory of its own is copied here after the call.
struct Outputs {
    rooms: [[f32; ROOM]; 3],
    copies: Vec<f32>,
}

impl Outputs {
    fn are_untouched(&self) -> bool {
        self.rooms.as_flattened().iter().chain(&self.copies).all(|&x| x == 0.0)
    }
}

/// `run` takes the sizes as they are, and refuses them, by an error or a panic, where one is off by one.
fn sizes_must_fit<const N: usize>(
    what: &str,
    sizes: [(&str, usize); N],
    run: impl Fn([usize; N], &mut Outputs) -> Result<(), ShapeError>,
) {
    let taken_and_untouched = |sizes| {
        let mut out = Outputs { rooms: [[0.0; ROOM]; 3], copies: vec![] };
        let ended = catch_unwind(AssertUnwindSafe(|| run(sizes, &mut out)));
        (matches!(ended, Ok(Ok(()))), out.are_untouched())
    };
    let fitting = sizes.map(|(_, size)| size);
    assert_eq!(taken_and_untouched(fitting), (true, false), "{what} of what fits");
    for (which, (name, size)) in sizes.into_iter().enumerate() {
        for off in [size - 1, size + 1] {
            let mut sizes = fitting;
            sizes[which] = off;
            assert_eq!(taken_and_untouched(sizes), (false, true), "{what}: {name} {off}, not {size}");
        }
    }
}

fn read(rows: usize, cols: usize, col_stride: usize) -> MatRef<'static, f32> {
    MatRef::with_strides(&ONES, rows, cols, ROW, col_stride).unwrap()
}

/// A stride of 0 is refused here already.
fn write(room: &mut [f32], rows: usize, cols: usize, col_stride: usize) -> Result<MatMut<'_, f32>, ShapeError> {
    MatMut::with_strides(room, rows, cols, ROW, col_stride)
}

fn weights(inputs: usize, outputs: usize) -> Weights<f32> {
    Weights::from_rows(read(outputs, inputs, 1), true)
}

/// Weights that are written.
fn zero_weights(inputs: usize, outputs: usize) -> Weights<f32> {
    Weights::from_rows(MatRef::new(&[0.0; 64], outputs, inputs).unwrap(), true)
}

fn moments(inputs: usize, outputs: usize, rule: Rule) -> Moments<f32> {
    Moments::zeros_like(&weights(inputs, outputs), rule)
}

fn zero_gradient(inputs: usize, outputs: usize) -> Gradient<f32> {
    Gradient::zeros_like(&weights(inputs, outputs))
}

#[test]
fn products() {
    let team = Team::serial();
    let [a_rows, a_cols, b_rows, b_cols] =
        [("rows of A", 4), ("columns of A", 3), ("rows of B", 3), ("columns of B", 2)];
    let (c_rows, c_cols, c_stride) = (("rows of C", 4), ("columns of C", 2), ("column stride of C", 1));
    sizes_must_fit("gemm_on", [a_rows, a_cols, b_rows, b_cols, c_rows, c_cols], |[m, k, p, n, rows, cols], out| {
        gemm_on(&team, 1.0, read(m, k, 1), read(p, n, 1), 0.0, write(&mut out.rooms[0], rows, cols, 1)?)
    });
    let sizes = [a_rows, a_cols, b_rows, b_cols, c_rows, c_cols, c_stride];
    sizes_must_fit("gemm_packed", sizes, |[m, k, p, n, rows, cols, stride], out| {
        let c = write(&mut out.rooms[0], rows, cols, stride)?;
        gemm_packed(&team, read(m, k, 1), &PackedB::new(read(p, n, 1)), 0.0, c)
    });
    sizes_must_fit("PackedB::set", [b_rows, b_cols], |[rows, cols], out| {
        let mut packed = PackedB::zeros(3, 2);
        let set = packed.set(read(rows, cols, 1));
        out.copies.extend((0..3).map(|p| packed.get(p, p % 2)));
        set
    });
}

#[test]
fn the_way_forward() {
    let sizes = [
        ("rows of x", 4),
        ("columns of x", 3),
        ("inputs of w", 3),
        ("outputs of w", 2),
        ("elements of the bias", 2),
        ("rows of z", 4),
        ("columns of z", 2),
        ("column stride of z", 1),
        ("rows of a", 4),
        ("columns of a", 2),
        ("column stride of a", 1),
    ];
    sizes_must_fit("forward", sizes, |[x, k, inputs, outputs, bias, z, z_cols, z_stride, a, a_cols, a_stride], out| {
        let [to_z, to_a, _] = &mut out.rooms;
        let (z, a) = (write(to_z, z, z_cols, z_stride)?, write(to_a, a, a_cols, a_stride)?);
        let w = weights(inputs, outputs);
        forward(&Team::serial(), read(x, k, 1), &w, &ONES[..bias], Activation::Gelu, Some(z), a)
    });
}

#[test]
fn the_way_back() {
    let team = Team::serial();
    let sizes = [
        ("rows of dz", 4),
        ("columns of dz", 2),
        ("inputs of w", 3),
        ("outputs of w", 2),
        ("rows of what was kept", 4),
        ("columns of what was kept", 3),
        ("column stride of what was kept", 1),
        ("rows of dz below", 4),
        ("columns of dz below", 3),
        ("column stride of dz below", 1),
    ];
    sizes_must_fit(
        "backward_input",
        sizes,
        |[m, k, inputs, outputs, rows, cols, stride, to, to_cols, to_stride], out| {
            let (kept, below) = (read(rows, cols, stride), write(&mut out.rooms[0], to, to_cols, to_stride)?);
            backward_input(&team, read(m, k, 1), &weights(inputs, outputs), Activation::Relu, kept, below)
        },
    );
    let sizes = [
        ("rows of x", 4),
        ("columns of x", 3),
        ("rows of dz", 4),
        ("columns of dz", 2),
        ("inputs of dW", 3),
        ("outputs of dW", 2),
    ];
    sizes_must_fit("backward_weights", sizes, |[x, x_cols, dz, dz_cols, inputs, outputs], out| {
        let mut dw = zero_gradient(inputs, outputs);
        let done = backward_weights(&team, read(x, x_cols, 1), read(dz, dz_cols, 1), Sum::Begins, &mut dw);
        out.copies.extend(dw.to_rows());
        done
    });
    let dz = [("columns of dz", 2), ("column stride of dz", 1)];
    sizes_must_fit("backward_bias", [dz[0], dz[1], ("elements of db", 2)], |[cols, stride, len], out| {
        backward_bias(&team, read(70, cols, stride), 1.0, &mut out.rooms[0][..len]).map(drop)
    });
    sizes_must_fit("bias_sums", [dz[0], dz[1], ("sums", 4)], |[cols, stride, len], out| {
        bias_sums(Isa::current(), read(70, cols, stride), &mut out.rooms[0][..len])
    });
}

#[test]
fn the_way_back_of_a_single_output() {
    let sizes = [
        ("rows of dz", 70),
        ("columns of dz", 1),
        ("outputs of w", 1),
        ("inputs of dW", 3),
        ("outputs of dW", 1),
        ("sums", 2),
        ("rows of a", 70),
        ("columns of a", 3),
        ("column stride of a", 1),
        ("rows of what was kept", 70),
        ("columns of what was kept", 3),
        ("column stride of what was kept", 1),
        ("rows of dz below", 70),
        ("columns of dz below", 3),
        ("column stride of dz below", 1),
        ("sums below", 6),
        ("rows of x", 70),
        ("columns of x", 1),
        ("inputs of dW below", 1),
        ("outputs of dW below", 3),
    ];
    sizes_must_fit("backward_single", sizes, |sizes, out| {
        let [dz, dz_cols, w_outputs, dw_inputs, dw_outputs, sums, rest @ ..] = sizes;
        let [a, a_cols, a_stride, kept, kept_cols, kept_stride, to, to_cols, to_stride, sums_below, only @ ..] = rest;
        let [x, x_cols, below_inputs, below_outputs] = only;
        let [to_dz, to_sums, to_sums_below] = &mut out.rooms;
        let (mut dw, mut dw_below) = (zero_gradient(dw_inputs, dw_outputs), zero_gradient(below_inputs, below_outputs));
        let below = Below {
            a: read(a, a_cols, a_stride),
            activation: Activation::Relu,
            kept: read(kept, kept_cols, kept_stride),
            dz: write(to_dz, to, to_cols, to_stride)?,
            sums: &mut to_sums_below[..sums_below],
            only: Some((read(x, x_cols, 1), &mut dw_below)),
        };
        let (w, own) = (weights(3, w_outputs), (&mut dw, &mut to_sums[..sums]));
        let done = backward_single(Isa::current(), read(dz, dz_cols, 1), &w, own, below);
        out.copies.extend([dw.to_rows(), dw_below.to_rows()].concat());
        done
    });
}

#[test]
fn updates() {
    let (team, rule) = (Team::serial(), Rule::MOMENTUM);
    let step = rule.step(0.1, 0.0, 1, 1.0);
    let [inputs, outputs] = [("inputs of w", 3), ("outputs of w", 2)];
    let of_moments = [("inputs of the moments", 3), ("outputs of the moments", 2)];
    let of_dw = [("inputs of dW", 3), ("outputs of dW", 2)];
    let sizes = [inputs, outputs, of_moments[0], of_moments[1], of_dw[0], of_dw[1]];
    sizes_must_fit("update", sizes, |[inputs, outputs, m_inputs, m_outputs, dw_inputs, dw_outputs], out| {
        let (mut w, mut m) = (zero_weights(inputs, outputs), moments(m_inputs, m_outputs, rule));
        let mut dw = zero_gradient(dw_inputs, dw_outputs);
        backward_weights(&team, read(4, dw_inputs, 1), read(4, dw_outputs, 1), Sum::Begins, &mut dw)?;
        let done = update(&team, &mut w, &dw, &mut m, &step);
        out.copies.extend([w.to_rows(), m.to_rows(0).unwrap()].concat());
        done
    });
    let [x, x_cols, dz, dz_cols] = [("rows of x", 4), ("columns of x", 3), ("rows of dz", 4), ("columns of dz", 2)];
    let sizes = [inputs, outputs, of_moments[0], of_moments[1], x, x_cols, dz, dz_cols];
    sizes_must_fit("backward_update", sizes, |[inputs, outputs, m_inputs, m_outputs, x, x_cols, dz, dz_cols], out| {
        let (mut w, mut m) = (zero_weights(inputs, outputs), moments(m_inputs, m_outputs, rule));
        let done = backward_update(&team, read(x, x_cols, 1), read(dz, dz_cols, 1), &mut w, &mut m, &step);
        out.copies.extend([w.to_rows(), m.to_rows(0).unwrap()].concat());
        done
    });
    let sizes = [("weights", 5), ("derivatives", 5), ("first moments", 5), ("second moments", 5)];
    sizes_must_fit("Step::sweep", sizes, |[w, g, m, v], out| {
        let [to_w, to_m, to_v] = &mut out.rooms;
        let step = Rule::ADAM.step(0.1, 0.0, 1, 1.0);
        step.sweep(Isa::current(), &mut to_w[..w], &ONES[..g], &mut to_m[..m], &mut to_v[..v]);
        Ok(())
    });
}

#[test]
fn whole_contents() {
    let sizes = [("rows", 2), ("columns", 3)];
    sizes_must_fit("Weights::set_rows", sizes, |[rows, cols], out| {
        let mut w = zero_weights(3, 2);
        let set = w.set_rows(read(rows, cols, 1));
        out.copies.extend(w.to_rows());
        set
    });
    for (rule, which) in [(Rule::MOMENTUM, 0), (Rule::ADAM, 0), (Rule::ADAM, 1)] {
        sizes_must_fit("Moments::set_rows", sizes, |[rows, cols], out| {
            let mut m = moments(3, 2, rule);
            let set = m.set_rows(which, read(rows, cols, 1));
            out.copies.extend(m.to_rows(which).unwrap());
            set
        });
    }
    let mut m = moments(3, 2, Rule::MOMENTUM);
    assert!([1, 2, usize::MAX].into_iter().all(|which| m.set_rows(which, read(2, 3, 1)).is_err()), "there is but one");
}

#[test]
fn rows_of_numbers() {
    sizes_must_fit("Activation::apply", [("z", 5), ("a", 5)], |[z, a], out| {
        Activation::Tanh.apply(Isa::current(), &ONES[..z], &mut out.rooms[0][..a]);
        Ok(())
    });
    sizes_must_fit("softmax_rows", [("logits", 10), ("columns", 5), ("probabilities", 10)], |[z, cols, p], out| {
        softmax_rows(Isa::current(), &ONES[..z], cols, &mut out.rooms[0][..p]);
        Ok(())
    });
}

/// It is its own row.
#[test]
fn a_single_column_may_have_any_stride() {
    let (team, w, column) = (Team::serial(), weights(1, 1), read(4, 1, 2));
    let (mut rooms, mut db) = ([[0.0; ROOM]; 3], [0.0]);
    let [c, a, below] = rooms.each_mut().map(|room| write(room, 4, 1, 2).unwrap());
    gemm_packed(&team, column, &PackedB::new(read(1, 1, 2)), 0.0, c).unwrap();
    forward(&team, column, &w, &[1.0], Activation::Identity, None, a).unwrap();
    backward_input(&team, column, &w, Activation::Relu, column, below).unwrap();
    assert!(backward_bias(&team, column, 1.0, &mut db).unwrap());
    bias_sums(Isa::current(), column, &mut db).unwrap();
    assert_eq!((db, rooms.map(|room| room[3 * ROW])), ([4.0], [1.0, 2.0, 1.0]));
}
