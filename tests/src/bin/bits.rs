//! Prints the tier in use, and a fingerprint of everything that has bits: products, activations, losses, and nets trained for some steps.
//!
//! `bits [THREADS] [STEPS]`, the tier as `DELTARULE_ISA` says (a name that cannot be followed is reported, and ignored); `bits THREADS STEPS
//! cases` trains the nets of the benchmark's table instead, `unfused` in place of `cases` those nets by updates that are not fused. The test
//! `bits` runs it again and again and compares the lines, which must be the same on every tier with fused multiply-add, for any number of
//! threads, and fused or not; and that the tier is the one that was asked for.

use deltarule_kernels::Isa;
use deltarule_tests::fingerprint;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual| arguments.get(at).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let (threads, steps) = (number(0, 1), number(1, 20));
    if let Err(error) = Isa::requested() {
        eprintln!("{}: {error}", Isa::VARIABLE);
    }
    let prints = match arguments.get(2).map(String::as_str) {
        None => fingerprint::all(threads, steps),
        Some("cases") => fingerprint::cases(threads, steps, true),
        Some("unfused") => fingerprint::cases(threads, steps, false),
        Some(other) => panic!("`{other}`: expected cases or unfused"),
    };
    println!("tier {}", Isa::current());
    for (name, hash) in prints {
        println!("{hash:016x} {name}");
    }
}
