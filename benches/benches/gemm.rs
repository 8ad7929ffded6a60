//! Products: ours (plain, and with the right-hand side packed beforehand) and matrixmultiply's, with plots; on
//! one thread and on two.

use criterion::{BenchmarkId, Criterion, Throughput};
use deltarule_benches::contenders::{Contender, Matrixmultiply, Ours, Prepacked, Real};
use deltarule_benches::counts::on_each;
use deltarule_benches::prepared::Prepared;
use deltarule_benches::problem::Problem;
use deltarule_benches::shapes::Set;
use deltarule_cli::bench::threads_in_words;
use std::cell::LazyCell;
use std::process::ExitCode;
use std::time::Duration;

fn products<T: Real>(criterion: &mut Criterion, threads: usize) {
    let contenders: [Box<dyn Contender<T>>; 3] =
        [Box::new(Ours::new(threads)), Box::new(Prepacked::new(threads)), Box::new(Matrixmultiply)];
    for shape in Set::Mlp.shapes() {
        let mut group =
            criterion.benchmark_group(format!("gemm {} {}, {}", T::NAME, shape.name, threads_in_words(threads)));
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

fn main() -> ExitCode {
    on_each(|threads| {
        let mut criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(800))
            .configure_from_args();
        products::<f32>(&mut criterion, threads);
        products::<f64>(&mut criterion, threads);
        criterion.final_summary();
    })
}
