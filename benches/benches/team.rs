//! What a phase costs: a list of two empty jobs, that is published, claimed and waited for. `cargo bench -p deltarule-benches --bench team`, on a
//! machine of two cores or more that has nothing else to do.
//!
//! * `serial`: a team of one, which has no list: what two calls cost.
//! * `alone`: a team of two where nobody can come, in a pool whose only thread is the caller.
//! * `awake`: list upon list, as the phases of a step follow each other: the helper lingers, and claims what it can.
//! * `asleep`: after a pause in which the helper went home and its thread to sleep. The caller sends for it, and is seldom kept from doing both jobs
//!   itself. (Calls are timed one by one, with the clock's own cost, some 25 ns.)

use criterion::{Criterion, criterion_group, criterion_main};
use deltarule_kernels::Team;
use rayon::ThreadPoolBuilder;
use std::hint::black_box;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a helper, which lingers for 200 µs, and for its thread of rayon's.
const PAUSE: Duration = Duration::from_millis(5);

fn phase(team: &Team) {
    team.run(2, |job| _ = black_box(job));
}

fn phases(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("two empty jobs");
    let (serial, team) = (Team::serial(), Team::new(2));
    group.bench_function("serial", |bencher| bencher.iter(|| phase(&serial)));
    let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started");
    group.bench_function("alone", |bencher| pool.install(|| bencher.iter(|| phase(&team))));
    group.bench_function("awake", |bencher| bencher.iter(|| phase(&team)));
    group.bench_function("asleep", |bencher| {
        bencher.iter_custom(|calls| {
            let call = |_| {
                sleep(PAUSE);
                let start = Instant::now();
                phase(&team);
                start.elapsed()
            };
            (0..calls).map(call).sum()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = phases
}
criterion_main!(benches);
