//! `deltarule cpu`: what the kernels run on, and how fast it can be at best.

use deltarule::Isa;
use deltarule_kernels::machine::{Caches, Level, caches};
use serde::Serialize;
use serde_json::json;

use crate::arguments::CpuArguments;
use crate::failure::Failure;
use crate::machine::{bandwidth, peak, threads};
use crate::say::say;

/// What is measured, on one thread and on one a core.
struct Limits {
    /// The multiply-add peak, in GFLOP/s.
    f32: [f64; 2],
    f64: [f64; 2],
    /// GB/s read from each level of [`Level::ALL`], where it can be told from the one within.
    reads: [[Option<f64>; 2]; 4],
}

/// Runs the command.
pub(crate) fn run(arguments: &CpuArguments) -> Result<(), Failure> {
    crate::machine::prepare(None)?;
    let available: Vec<String> = Isa::available().into_iter().map(|isa| isa.to_string()).collect();
    let cores = threads(None);
    let limits = Limits {
        f32: one_and_all(cores, peak::<f32>),
        f64: one_and_all(cores, peak::<f64>),
        reads: Level::ALL.map(|level| one_and_all(cores, |threads| bandwidth(level, threads))),
    };
    let text = match arguments.json {
        true => format!("{}\n", as_json(&available, cores, caches(), &limits)),
        false => as_text(&available, cores, caches(), &limits),
    };
    say(&text)
}

/// What one thread makes, and one thread a core.
fn one_and_all<R: Copy>(cores: usize, measure: impl Fn(usize) -> R) -> [R; 2] {
    let one = measure(1);
    [one, if cores == 1 { one } else { measure(cores) }]
}

fn as_json(available: &[String], cores: usize, caches: Caches, limits: &Limits) -> serde_json::Value {
    fn pair([one, all]: [impl Serialize; 2]) -> serde_json::Value {
        json!({ "one_thread": one, "all_threads": all })
    }
    let [l1, l2, l3, memory] = limits.reads.map(pair);
    json!({
        "isa": Isa::current().to_string(),
        "detected": Isa::detected().to_string(),
        "available": available,
        "cores": cores,
        "cache_bytes": { "l1d": caches.l1d, "l2": caches.l2, "l3": caches.l3 },
        "peak_gflops": { "f32": pair(limits.f32), "f64": pair(limits.f64) },
        "read_gb_per_second": { "l1d": l1, "l2": l2, "l3": l3, "memory": memory },
    })
}

fn as_text(available: &[String], cores: usize, caches: Caches, limits: &Limits) -> String {
    let lowered = if Isa::current() == Isa::detected() { "" } else { ", lowered by DELTARULE_ISA" };
    let pair = |[one, all]: [f64; 2]| match cores {
        1 => format!("{one:.0} GFLOP/s on its one thread"),
        _ => format!("{one:.0} GFLOP/s on one thread, {all:.0} on {cores}"),
    };
    format!(
        "instruction set   {} (detected {}{lowered}; this machine runs {})\n\
         cores             {cores}\n\
         caches            L1d {}, L2 {}, L3 {}\n\
         measured peak     f32: {}\n                  f64: {}\n\
         {}",
        Isa::current(),
        Isa::detected(),
        available.join(", "),
        size(caches.l1d),
        size(caches.l2),
        size(caches.l3),
        pair(limits.f32),
        pair(limits.f64),
        reads(cores, limits.reads),
    )
}

/// A line a level that can be told from the one within.
fn reads(cores: usize, reads: [[Option<f64>; 2]; 4]) -> String {
    let speed = |[one, all]: [Option<f64>; 2]| {
        let one = one?;
        Some(match all {
            _ if cores == 1 => format!("{one:.0} GB/s on its one thread"),
            Some(all) => format!("{one:.0} GB/s on one thread, {all:.0} on {cores}"),
            None => format!("{one:.0} GB/s on one thread"),
        })
    };
    let lines = Level::ALL.into_iter().zip(reads).filter_map(|(level, reads)| Some((level, speed(reads)?)));
    let titles = std::iter::once("measured reads").chain(std::iter::repeat(""));
    titles.zip(lines).map(|(title, (level, speed))| format!("{title:<18}{level:<3} {speed}\n")).collect()
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

    #[test]
    fn levels_that_cannot_be_told_apart_have_no_line() {
        let read = [[Some(300.4), Some(601.0)], [Some(100.0), None], [None; 2], [Some(12.0), Some(20.0)]];
        let expected = [
            "measured reads    L1  300 GB/s on one thread, 601 on 2\n",
            "                  L2  100 GB/s on one thread\n",
            "                  mem 12 GB/s on one thread, 20 on 2\n",
        ];
        assert_eq!(reads(2, read), expected.concat());
        let alone = [read[0], [None; 2], [None; 2], [None; 2]];
        assert_eq!(reads(1, alone), "measured reads    L1  300 GB/s on its one thread\n");
    }
}
