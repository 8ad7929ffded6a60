//! The machine, and how fast it is.

use std::fs;

use crate::place::{Place, bytes, json};

#[test]
fn the_machine_is_described() {
    let place = Place::new();
    let machine = json(&place.good("cpu --json"));
    assert!(machine["cores"].as_u64() >= Some(1) && machine["cache_bytes"]["l1d"].as_u64() >= Some(4096), "{machine}");
    for dtype in ["f32", "f64"] {
        for threads in ["one_thread", "all_threads"] {
            assert!(machine["peak_gflops"][dtype][threads].as_f64() > Some(0.0), "{machine}");
        }
    }
    assert!(place.good("cpu").contains("measured peak"));
}

/// Speeds are the machine's; what is tested is that every row is measured and says what it must.
#[test]
fn products_are_timed_beside_a_peer() {
    let place = Place::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let lines = place.good(&format!("bench gemm --seconds 0 --only 128 --json --threads {threads}"));
    let rows: Vec<_> = lines.lines().map(json).collect();
    assert_eq!(rows.len(), 9);
    for row in &rows {
        assert_eq!(row["threads"].as_u64(), Some(threads as u64));
        let speed = |name: &str| row["gflops"][name].as_f64();
        assert!(speed("deltarule") > Some(0.0) && speed("matrixmultiply") > Some(0.0), "{row}");
        assert_eq!(speed("packed").is_some(), row["layout"] != "tn", "{row}");
    }
    let double = json(&place.good("bench gemm --seconds 0 --only f64 --json"));
    assert!(double["dtype"] == "f64" && double["peak_gflops"].as_f64() > Some(0.0), "{double}");
    let table = place.good("bench gemm --seconds 0 --only dW --picture dw.svg");
    assert!(table.contains("matrixmultiply") && table.contains("dW 128×784×128"), "{table}");
    let picture = fs::read_to_string(place.path("dw.svg")).expect("just drawn");
    assert!(picture.contains("dW 128×784×128") && picture.contains("× matrixmultiply"), "{picture}");
    let errors = place.bad("bench gemm --seconds 0 --only f64 --picture nowhere/double.svg", 2);
    assert!(errors.contains("nowhere/double.svg") && errors.contains("there is no such folder"), "{errors}");
}

#[test]
fn steps_are_timed_against_the_peak() {
    let place = Place::new();
    let lines = place.good("bench step --seconds 0 --only tab --json --picture tab.png");
    let rows: Vec<_> = lines.lines().map(json).collect();
    assert_eq!(rows.len(), 2);
    assert!(bytes(&place.path("tab.png")).starts_with(b"\x89PNG"));
    for row in &rows {
        for entry in ["us_per_step", "samples_per_second", "limit_fraction", "peak_gflops"] {
            assert!(row[entry].as_f64() > Some(0.0), "{entry}: {row}");
        }
    }
    let table = place.good("bench step --seconds 0 --only mnist");
    assert!(table.contains("% of limit") && table.contains("mnist 784-128-10 b128 relu ce adam"), "{table}");
}
