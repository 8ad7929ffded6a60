//! Looks at the machine code of the micro-kernels: no vector is spilled to the stack in a loop that multiplies, and the
//! main tiles load as little as their design says; and no vector operation is called, as what is not inlined into its tier's
//! function would be. A compiler's update has broken this in other libraries before.
//!
//! `assembly PROGRAM`, an optimised x86-64 program with the kernels in it. Needs `objdump`.

use std::collections::HashMap;
use std::process::{Command, ExitCode};

/// A function's instructions: address, name, operands.
type Body<'a> = Vec<(u64, &'a str, &'a str)>;

/// What counts as a micro-kernel's loop: so many vector multiply-adds, a load (which the loop that measures the peak has
/// none of), and no loop within.
const LEAST_FMAS: usize = 8;
/// The vectors a tier multiplies, and the most loads that its best tile may make for each multiply-add: 6 × 4 makes 10
/// for 24 on AVX-512, 6 × 2 makes 8 for 12 on AVX2.
const DESIGN: [(&str, f64); 2] = [("%zmm", 0.45), ("%ymm", 0.70)];

struct Loop {
    function: String,
    fmas: usize,
    loads: usize,
    spills: Vec<String>,
    vectors: &'static str,
}

fn main() -> ExitCode {
    let Some(program) = std::env::args().nth(1) else {
        eprintln!("usage: assembly PROGRAM");
        return ExitCode::from(2);
    };
    let listing = match Command::new("objdump").args(["-d", "--no-show-raw-insn", &program]).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => return failed(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => return failed(&format!("objdump: {error}")),
    };
    let loops: Vec<Loop> = functions(&listing).into_iter().flat_map(|(name, body)| loops(name, &body)).collect();
    all_is_inlined(&listing).and_then(|()| judge(&loops)).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn failed(error: &str) -> ExitCode {
    eprintln!("assembly: {error}");
    ExitCode::FAILURE
}

/// The functions that are compiled for a tier: everything that uses its vectors is inlined into one called `enter`. Those that
/// transpose are left out: at its edges `gemm::turned` keeps squares on the stack by design, which looks like a spill.
fn functions(listing: &str) -> Vec<(&str, Body<'_>)> {
    let mut found: Vec<(&str, Body<'_>)> = Vec::new();
    let mut inside = false;
    for line in listing.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            inside = name.contains("deltarule_kernels") && name.contains("enter");
            if inside {
                found.push((name, Vec::new()));
            }
        } else if let (true, Some((address, text)), Some((_, body))) = (inside, line.split_once(':'), found.last_mut())
        {
            let (name, operands) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
            if let Ok(address) = u64::from_str_radix(address.trim(), 16) {
                body.push((address, name, operands.trim()));
            }
        }
    }
    found.retain(|(_, body)| !body.iter().any(|line| line.1.starts_with("vunpck")));
    found
}

/// The innermost loops that multiply vectors: from the target of a backward jump to the jump.
fn loops(function: &str, body: &Body<'_>) -> Vec<Loop> {
    let places: HashMap<u64, usize> = body.iter().enumerate().map(|(at, line)| (line.0, at)).collect();
    let target = |operands: &str| u64::from_str_radix(operands.split_whitespace().next()?, 16).ok();
    let back = |(end, line): (usize, &(u64, &str, &str))| {
        let start = *places.get(&target(line.2)?)?;
        (line.1.starts_with('j') && start < end).then_some((start, end))
    };
    let ranges: Vec<(usize, usize)> = body.iter().enumerate().filter_map(back).collect();
    let innermost = |range: &&(usize, usize)| {
        !ranges.iter().any(|other| other != *range && other.0 >= range.0 && other.1 <= range.1)
    };
    ranges.iter().filter(innermost).filter_map(|&(start, end)| look(function, &body[start..=end])).collect()
}

/// The loop, if all it does with vectors is to move, broadcast, multiply and add them. An activation does more.
fn look(function: &str, body: &[(u64, &str, &str)]) -> Option<Loop> {
    let of_a_product = |name: &str| ["vfmadd", "vmov", "vbroadcast"].iter().any(|start| name.starts_with(start));
    if body.iter().any(|line| line.2.contains("mm") && !line.1.starts_with("prefetch") && !of_a_product(line.1)) {
        return None;
    }
    let fmas = || body.iter().filter(|line| line.1.starts_with("vfmadd"));
    let vectors = DESIGN.iter().map(|design| design.0).find(|vectors| fmas().any(|line| line.2.contains(vectors)))?;
    let in_memory = || body.iter().filter(|line| line.2.contains('(') && line.2.contains("mm"));
    let spilled = |line: &&(u64, &str, &str)| line.2.contains("(%rsp");
    let wide = |line: &&(u64, &str, &str)| line.2.contains(vectors);
    let spills = in_memory().filter(spilled).filter(wide).map(|line| format!("{} {}", line.1, line.2)).collect();
    let (fmas, loads) = (fmas().count(), in_memory().count());
    (fmas >= LEAST_FMAS && loads > 0).then(|| Loop { function: function.to_owned(), fmas, loads, spills, vectors })
}

/// Nothing of ours calls a vector operation: neither an instruction of the standard library's nor one composed of them.
fn all_is_inlined(listing: &str) -> Result<(), String> {
    let mut function = "";
    for line in listing.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            function = name;
        }
        // A layer of a single output is no operation on single precision.
        let operation = |callee: &str| {
            !callee.contains("5dense6single")
                && ["core_arch", "6single", "6double", "3isa9transpose", "3isa4pick", "3isa5bytes", "3isa11first_lanes"]
                    .iter()
                    .any(|part| callee.contains(part))
        };
        if let (true, Some((_, callee))) = (function.contains("deltarule"), line.split_once("call"))
            && operation(callee)
        {
            return Err(format!("{function} calls {}: something on the way is not inlined", callee.trim()));
        }
    }
    Ok(())
}

fn judge(loops: &[Loop]) -> Result<(), String> {
    for (vectors, most) in DESIGN {
        let mine: Vec<&Loop> = loops.iter().filter(|it| it.vectors == vectors).collect();
        let best = mine.iter().map(|it| it.loads as f64 / it.fmas as f64).fold(f64::INFINITY, f64::min);
        let spilling = mine.iter().filter(|it| !it.spills.is_empty()).count();
        println!("{vectors}: {} loops, {spilling} with spills, at best {best:.2} loads per multiply-add", mine.len());
        if let Some(worst) = mine.iter().find(|it| !it.spills.is_empty()) {
            return Err(format!("{}: {} multiply-adds, spills: {:?}", worst.function, worst.fmas, worst.spills));
        }
        if best > most {
            return Err(format!("{vectors}: the best tile should make {most} loads per multiply-add at most"));
        }
    }
    Ok(())
}
