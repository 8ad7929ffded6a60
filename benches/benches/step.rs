//! Training steps, and the two-layer step written with matrixmultiply and plain loops as the baseline.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deltarule_benches::baseline::Baseline;
use deltarule_benches::cases::{Case, all};

fn steps(criterion: &mut Criterion) {
    for case in all() {
        let mut group = criterion.benchmark_group(format!("step {}", case.name));
        group.throughput(Throughput::Elements(case.plan.batch as u64));
        ours(&mut group, &case);
        if let Some(mut baseline) = Baseline::of(&case) {
            group.bench_function("matrixmultiply", |bencher| bencher.iter(|| baseline.step()));
        }
        group.finish();
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn ours(group: &mut Group<'_>, case: &Case) {
    let mut trainer = case.trainer(1).expect("the cases are valid nets");
    let data = case.data();
    group.bench_function("deltarule", |bencher| {
        bencher.iter(|| trainer.step(&data.x, data.targets()).expect("a step on finite data"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = steps
}
criterion_main!(benches);
