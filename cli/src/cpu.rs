//! `deltarule cpu`: what the kernels run on, and how fast it can be at best.

use deltarule::{Element, Isa};
use deltarule_kernels::machine::{Caches, caches};
use serde_json::json;

use crate::arguments::CpuArguments;
use crate::failure::Failure;
use crate::machine::{peak, threads};
use crate::say::say;

/// The measured multiply-add peak, in GFLOP/s.
struct Peaks {
    f32: [f64; 2],
    f64: [f64; 2],
}

/// Runs the command.
pub(crate) fn run(arguments: &CpuArguments) -> Result<(), Failure> {
    crate::machine::prepare(None)?;
    let available: Vec<String> = Isa::available().into_iter().map(|isa| isa.to_string()).collect();
    let cores = threads(None);
    let peaks = Peaks { f32: one_and_all::<f32>(cores), f64: one_and_all::<f64>(cores) };
    let text = match arguments.json {
        true => format!("{}\n", as_json(&available, cores, caches(), &peaks)),
        false => as_text(&available, cores, caches(), &peaks),
    };
    say(&text)
}

/// One thread's peak, and that of one thread a core.
fn one_and_all<T: Element>(cores: usize) -> [f64; 2] {
    let one = peak::<T>(1);
    [one, if cores == 1 { one } else { peak::<T>(cores) }]
}

fn as_json(available: &[String], cores: usize, caches: Caches, peaks: &Peaks) -> serde_json::Value {
    let pair = |[one, all]: [f64; 2]| json!({ "one_thread": one, "all_threads": all });
    json!({
        "isa": Isa::current().to_string(),
        "detected": Isa::detected().to_string(),
        "available": available,
        "cores": cores,
        "cache_bytes": { "l1d": caches.l1d, "l2": caches.l2, "l3": caches.l3 },
        "peak_gflops": { "f32": pair(peaks.f32), "f64": pair(peaks.f64) },
    })
}

fn as_text(available: &[String], cores: usize, caches: Caches, peaks: &Peaks) -> String {
    let lowered = if Isa::current() == Isa::detected() { "" } else { ", lowered by DELTARULE_ISA" };
    let pair = |[one, all]: [f64; 2]| match cores {
        1 => format!("{one:.0} GFLOP/s on its one thread"),
        _ => format!("{one:.0} GFLOP/s on one thread, {all:.0} on {cores}"),
    };
    format!(
        "instruction set   {} (detected {}{lowered}; this machine runs {})\n\
         cores             {cores}\n\
         caches            L1d {}, L2 {}, L3 {}\n\
         measured peak     f32: {}\n                  f64: {}\n",
        Isa::current(),
        Isa::detected(),
        available.join(", "),
        size(caches.l1d),
        size(caches.l2),
        size(caches.l3),
        pair(peaks.f32),
        pair(peaks.f64),
    )
}

/// `48 KiB`, `32 MiB`; none for nothing.
fn size(bytes: usize) -> String {
    match bytes {
        0 => "none".to_owned(),
        b if b.is_multiple_of(1 << 20) => format!("{} MiB", b >> 20),
        b => format!("{} KiB", b >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 48 << 10, 1 << 20, 1536 << 10].map(size), ["none", "48 KiB", "1 MiB", "1536 KiB"]);
    }
}
