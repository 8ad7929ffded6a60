//! Products: ours (plain, and with the right-hand side packed beforehand) and matrixmultiply's, with plots.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use deltarule_benches::contenders::{Contender, Matrixmultiply, Ours, Prepacked, Real};
use deltarule_benches::prepared::Prepared;
use deltarule_benches::problem::Problem;
use deltarule_benches::shapes::Set;
use std::cell::LazyCell;

fn products<T: Real>(criterion: &mut Criterion) {
    let contenders: [Box<dyn Contender<T>>; 3] =
        [Box::new(Ours::new(1)), Box::new(Prepacked::new(1)), Box::new(Matrixmultiply)];
    for shape in Set::Mlp.shapes() {
        let mut group = criterion.benchmark_group(format!("gemm {} {}", T::NAME, shape.name));
        group.throughput(Throughput::Elements(shape.flops() as u64));
        let problem = LazyCell::new(|| Problem::<T>::new(shape));
        for contender in &contenders {
            // Made when it is first timed (the closure below is called for every sample): what a filter leaves out costs nothing.
            let mut prepared = None;
            group.bench_function(BenchmarkId::from_parameter(contender.name()), |bencher| {
                let prepared = prepared.get_or_insert_with(|| verified(contender.as_ref(), &problem));
                bencher.iter(|| prepared.run(1));
            });
            if let Some(mut prepared) = prepared {
                prepared.verify().expect("the product is right after it was timed");
            }
        }
        group.finish();
    }
}

fn verified<'a, T: Real>(contender: &'a dyn Contender<T>, problem: &'a Problem<T>) -> Prepared<'a, T> {
    let mut prepared = Prepared::new(contender, problem).expect("every one of these takes every shape");
    prepared.verify().expect("the product is right before it is timed");
    prepared
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(800));
    targets = products::<f32>, products::<f64>
}
criterion_main!(benches);
