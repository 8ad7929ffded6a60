//! Activations and their derivatives over a block that fits the nearest cache, on every tier of this machine.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use deltarule::Activation;
use deltarule_kernels::{Element, Isa, Named};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LEN: usize = 2048;

fn activations<T: Element>(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let z: Vec<T> = (0..LEN).map(|_| T::from_f64(random.random_range(-4.0..4.0))).collect();
    let mut a = vec![T::ZERO; LEN];
    for &activation in Activation::ALL {
        let mut group = criterion.benchmark_group(format!("{activation} {}", T::NAME));
        group.throughput(Throughput::Elements(LEN as u64));
        for isa in Isa::available() {
            group.bench_function(BenchmarkId::new("value", isa), |bencher| {
                bencher.iter(|| activation.apply(isa, &z, &mut a));
            });
            // Multiplying by a derivative again and again would end in subnormals, hence the fresh start.
            group.bench_function(BenchmarkId::new("derivative", isa), |bencher| {
                bencher.iter(|| {
                    a.fill(T::ONE);
                    activation.multiply_derivative(isa, &z, &mut a);
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(100))
        .measurement_time(std::time::Duration::from_millis(300));
    targets = activations::<f32>, activations::<f64>
}
criterion_main!(benches);
