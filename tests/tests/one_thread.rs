//! Who asks for one thread gets no other: products, predictions, steps and whole runs start none, and send for none.
//!
//! One test, because the threads are the whole program's.
#![cfg(target_os = "linux")]

use deltarule::{
    Activation, Dataset, Element, Labels, Loss, Mlp, Output, Plan, Scratch, Standardisation, Targets, Trainer,
};
use deltarule_kernels::gemm::gemm_on;
use deltarule_kernels::{MatMut, MatRef, Team, gemm};
use std::ops::ControlFlow;

/// Threads of this program, those of the harness among them.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Large enough that a team would share it.
fn product<T: Element>() {
    let ones = vec![T::ONE; 400 * 400];
    let view = || MatRef::new(&ones, 400, 400).unwrap();
    let mut c = vec![T::ZERO; 400 * 400];
    gemm(T::ONE, view(), view(), T::ZERO, MatMut::new(&mut c, 400, 400).unwrap()).unwrap();
    for team in [Team::serial(), Team::new(1)] {
        gemm_on(&team, T::ONE, view(), view().t(), T::ZERO, MatMut::new(&mut c, 400, 400).unwrap()).unwrap();
    }
}

/// Of layers that are large, and of small ones, with more rows than go through them at once.
fn nets<T: Element>() {
    for widths in [[100, 300, 10], [100, 30, 10]] {
        let pixels: Vec<u8> = (0..2000 * 100_usize).map(|i| (i * 7919 % 251) as u8).collect();
        let classes: Vec<u32> = (0..2000).map(|row| row % 10).collect();
        let labels = Labels::Classes { classes: classes.clone(), count: 10 };
        let data = Dataset::<T>::with_pixels(pixels, 100, labels).unwrap();
        let builder = Mlp::<T>::builder(&widths).hidden(Activation::Tanh).output(Output::Softmax);
        let model = builder.standardise(Standardisation::of_inputs(&data)).build().unwrap();
        for mut scratch in [Scratch::new(), Scratch::with_threads(1)] {
            model.predict(&data.x(), &mut scratch).unwrap();
        }
        model.evaluate(Loss::CrossEntropy, &data, &mut Scratch::new()).unwrap();
        let plan = Plan::new(Loss::CrossEntropy).epochs(2).batch(500);
        let mut trainer = Trainer::new(model, plan).unwrap();
        trainer.step(&data.x(), Targets::Classes(&classes)).unwrap();
        trainer.fit(&data, Some(&data), |_| ControlFlow::Continue(())).unwrap();
    }
}

#[test]
fn one_thread_starts_no_other() {
    let before = threads();
    for (what, work) in [
        ("a product", product::<f32> as fn()),
        ("a product of f64", product::<f64>),
        ("a net", nets::<f32>),
        ("a net of f64", nets::<f64>),
    ] {
        work();
        assert_eq!(threads(), before, "{what} has started a thread");
    }
    assert_eq!(Team::invitations(), 0);
    // The pool starts its threads when somebody first asks for one: had anything above, they would have been counted.
    rayon::broadcast(|_| ());
    assert!(threads() > before);
}
