//! Training steps, and the two-layer step written with matrixmultiply and plain loops as the baseline; on
//! one thread and on two.

use criterion::{Criterion, Throughput};
use deltarule_benches::baseline::Baseline;
use deltarule_benches::cases::{Case, all};
use deltarule_benches::counts::on_each;
use deltarule_cli::bench::threads_in_words;
use std::process::ExitCode;
use std::time::Duration;

fn steps(criterion: &mut Criterion, threads: usize) {
    for case in all() {
        let mut group = criterion.benchmark_group(format!("step {}, {}", case.name, threads_in_words(threads)));
        group.throughput(Throughput::Elements(case.plan.batch as u64));
        ours(&mut group, &case, threads);
        if let Some(mut baseline) = Baseline::of(&case) {
            group.bench_function("matrixmultiply", |bencher| bencher.iter(|| baseline.step()));
        }
        group.finish();
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn ours(group: &mut Group<'_>, case: &Case, threads: usize) {
    let mut trainer = case.trainer(threads).expect("the cases are valid nets");
    let data = case.data();
    group.bench_function("deltarule", |bencher| {
        bencher.iter(|| trainer.step(&data.x, data.targets()).expect("a step on finite data"));
    });
}

fn main() -> ExitCode {
    on_each(|threads| {
        let mut criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1))
            .configure_from_args();
        steps(&mut criterion, threads);
        criterion.final_summary();
    })
}
