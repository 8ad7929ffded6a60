//! Looks at the machine code of the micro-kernels: no vector is spilled to the stack in a loop that multiplies, and every tile
//! reads what its design says and nothing twice; no vector operation is called, as what is not inlined into its tier's
//! function would be; and no function but a tier's own has its instructions. A compiler's update has broken this in other libraries before.
//!
//! `assembly PROGRAM`, an optimised x86-64 program with the kernels in it. Needs `objdump`.

use std::collections::HashMap;
use std::process::{Command, ExitCode};

/// A function's instructions: address, name, operands.
type Body<'a> = Vec<(u64, &'a str, &'a str)>;

/// What counts as a micro-kernel's loop: so many vector multiply-adds, a load (which the loop that measures the peak has
/// none of), and no loop within.
const LEAST_FMAS: usize = 8;
/// From so many multiply-adds on a loop is one step of a tile; some of fewer are several steps of a smaller one.
const LEAST_OF_A_STEP: usize = 11;
/// The vectors a tier multiplies, and its largest tiles, rows × vectors: all that its registers have room for, the main one first.
const DESIGN: [(&str, &[(usize, usize)]); 2] =
    [("%zmm", &[(6, 4), (4, 6), (8, 3), (12, 2)]), ("%ymm", &[(6, 2), (12, 1)])];

/// Crates whose functions for newer CPUs are called after the CPU was asked, in parts of their functions' names: products that `versus` sets ours
/// beside, and searches in text and sums over files, which learn of the CPU from `std_detect`. Last, the functions of `std` that are an
/// instruction each, which those call; that ours do not is [another check](all_is_inlined).
const ASK_THE_CPU: [&str; 11] = [
    "gemm_common",
    "gemm_f32",
    "gemm_f64",
    "gemm_v0_",
    "gemmkit",
    "pulp",
    "matrixmultiply",
    "memchr",
    "crc32fast",
    "simd_adler32",
    "core_arch",
];
/// Instructions on plain registers that came with AVX2 or a little before. (`tzcnt` is a `bsf` to CPUs that do not know it, and compilers use that.)
const ON_PLAIN_REGISTERS: [&str; 15] = [
    "andn", "bextr", "blsi", "blsmsk", "blsr", "bzhi", "lzcnt", "mulx", "pdep", "pext", "popcnt", "rorx", "sarx",
    "shlx", "shrx",
];

struct Loop {
    function: String,
    fmas: usize,
    /// Numbers read from memory and spread over a vector, be it by an instruction of its own: the rows of a tile.
    broadcasts: usize,
    /// Whole vectors read from memory: the vectors of a tile's row. What a tile writes (the one that packs B) is not among them.
    reads: usize,
    spills: Vec<String>,
    vectors: &'static str,
    /// `ps` or `pd`.
    element: &'static str,
}

impl Loop {
    /// The rows and vectors of the tile that this is one step of, if each of its numbers and vectors is read once.
    fn tile(&self) -> Option<(usize, usize)> {
        (self.broadcasts * self.reads == self.fmas).then_some((self.broadcasts, self.reads))
    }
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
    let outcome =
        all_is_inlined(&listing).and_then(|()| instructions_are_the_tiers(&listing)).and_then(|()| judge(&loops));
    outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn failed(error: &str) -> ExitCode {
    eprintln!("assembly: {error}");
    ExitCode::FAILURE
}

/// The name of the function that begins with a line of a listing.
fn beginning(line: &str) -> Option<&str> {
    line.strip_suffix(">:").and_then(|line| line.split_once(" <")).map(|(_, name)| name)
}

/// The instruction that a line of a listing is: address, name, operands.
fn instruction(line: &str) -> Option<(u64, &str, &str)> {
    let (address, text) = line.split_once(':')?;
    let (name, operands) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    Some((u64::from_str_radix(address.trim(), 16).ok()?, name, operands.trim()))
}

/// The functions that are compiled for a tier: everything that uses its vectors is inlined into one called `enter`. Those that
/// transpose are left out: at its edges `gemm::transposed_b` keeps squares on the stack by design, which looks like a spill.
fn functions(listing: &str) -> Vec<(&str, Body<'_>)> {
    let mut found: Vec<(&str, Body<'_>)> = Vec::new();
    let mut inside = false;
    for line in listing.lines() {
        if let Some(name) = beginning(line) {
            inside = name.contains("deltarule_kernels") && name.contains("enter");
            if inside {
                found.push((name, Vec::new()));
            }
        } else if let (true, Some((_, body))) = (inside, found.last_mut()) {
            body.extend(instruction(line));
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
    let of_a_product =
        |name: &str| ["vfmadd", "vmov", "vmaskmov", "vbroadcast"].iter().any(|start| name.starts_with(start));
    if body.iter().any(|line| line.2.contains("mm") && !line.1.starts_with("prefetch") && !of_a_product(line.1)) {
        return None;
    }
    let fmas = || body.iter().filter(|line| line.1.starts_with("vfmadd"));
    let vectors = DESIGN.iter().map(|design| design.0).find(|vectors| fmas().any(|line| line.2.contains(vectors)))?;
    let element = ["ps", "pd"].into_iter().find(|element| fmas().all(|line| line.1.ends_with(element)))?;
    let in_memory = || body.iter().filter(|line| line.2.contains('(') && line.2.contains("mm"));
    let spilled = |line: &&(u64, &str, &str)| line.2.contains("(%rsp");
    let wide = |line: &&(u64, &str, &str)| line.2.contains(vectors);
    // The last operand is written.
    let is_read = |line: &&(u64, &str, &str)| line.2.rsplit(')').next().is_some_and(|rest| rest.contains(','));
    let is_broadcast = |line: &(u64, &str, &str)| line.1.starts_with("vbroadcast") || line.2.contains("{1to");
    let spills = in_memory().filter(spilled).filter(wide).map(|line| format!("{} {}", line.1, line.2)).collect();
    let broadcasts = in_memory().filter(is_read).filter(|line| is_broadcast(line)).count();
    let reads = in_memory().filter(is_read).count() - broadcasts;
    let (function, fmas) = (function.to_owned(), fmas().count());
    let is_product = fmas >= LEAST_FMAS && in_memory().next().is_some();
    is_product.then_some(Loop { function, fmas, broadcasts, reads, spills, vectors, element })
}

/// Nothing of ours calls a vector operation: neither an instruction of the standard library's nor one composed of them.
fn all_is_inlined(listing: &str) -> Result<(), String> {
    let mut function = "";
    for line in listing.lines() {
        if let Some(name) = beginning(line) {
            function = name;
        }
        // A layer of a single output is no operation on single precision.
        let operation = |callee: &str| {
            !callee.contains("5dense6single")
                && ["core_arch", "6single", "6double", "3isa9transpose", "3isa4pick", "3isa5bytes", "3isa11first_lanes"]
                    .iter()
                    .any(|part| callee.contains(part))
        };
        // A closure may be left behind in a function of `core` that was to call it.
        let is_ours = function.contains("deltarule") || function.contains("4core");
        if let (true, Some((_, callee))) = (is_ours, line.split_once("call"))
            && operation(callee)
        {
            return Err(format!("{function} calls {}: something on the way is not inlined", callee.trim()));
        }
    }
    Ok(())
}

/// The function of a tier: everything that has its registers is inlined into that.
fn is_enter_of(function: &str, tier: &str) -> bool {
    function.contains(tier) && function.contains("enter")
}

/// What a CPU may have, each with all before it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Has {
    Baseline,
    Avx2,
    Avx512,
}

/// Instructions of a tier are in no function but its `enter`: any other might be reached on a CPU without them. Generic code of other crates is
/// compiled with ours, so all functions are looked at, whosever they are.
fn instructions_are_the_tiers(listing: &str) -> Result<(), String> {
    let (mut function, mut granted) = ("", Has::Baseline);
    for line in listing.lines() {
        if let Some(name) = beginning(line) {
            (function, granted) = (name, granted_to(name));
        } else if instruction(line).is_some_and(|(_, name, operands)| needed_by(name, operands) > granted) {
            return Err(format!("{function} is no function of the tier that has the instruction: {}", line.trim()));
        }
    }
    Ok(())
}

/// What the CPU has when a function is called.
fn granted_to(function: &str) -> Has {
    let has_asked = || !function.contains("deltarule") && ASK_THE_CPU.iter().any(|part| function.contains(part));
    if is_enter_of(function, "avx512") || has_asked() {
        Has::Avx512
    } else if is_enter_of(function, "avx2") {
        Has::Avx2
    } else {
        Has::Baseline
    }
}

/// What the CPU must have. Names of vector instructions begin with a v since AVX, whatever the width.
fn needed_by(name: &str, operands: &str) -> Has {
    let on_plain_registers =
        |known: &&str| name.strip_prefix(*known).is_some_and(|size| matches!(size, "" | "l" | "q"));
    if operands.contains("%zmm") || operands.contains("%k") || has_upper_register(operands) {
        Has::Avx512
    } else if name.starts_with('v') || ON_PLAIN_REGISTERS.iter().any(on_plain_registers) {
        Has::Avx2
    } else {
        Has::Baseline
    }
}

/// One of the registers 16 to 31, which AVX-512 brought.
fn has_upper_register(operands: &str) -> bool {
    let registers = operands.split("%xmm").skip(1).chain(operands.split("%ymm").skip(1));
    let mut numbers = registers.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    numbers.any(|digits| digits.parse::<u32>().is_ok_and(|number| number >= 16))
}

fn judge(loops: &[Loop]) -> Result<(), String> {
    for (vectors, tiles) in DESIGN {
        for element in ["ps", "pd"] {
            let mine: Vec<&Loop> = loops.iter().filter(|it| it.vectors == vectors && it.element == element).collect();
            judge_tier(&mine, tiles).map_err(|error| format!("{vectors}, {element}: {error}"))?;
            println!("{vectors}, {element}: {} loops, none with spills; of the largest tiles", mine.len());
            for &(rows, wide) in tiles {
                let steps = mine.iter().filter(|it| it.tile() == Some((rows, wide))).count();
                println!(
                    "  {steps} loops of {rows} × {wide}, each with {} loads for {} multiply-adds",
                    rows + wide,
                    rows * wide
                );
            }
        }
    }
    Ok(())
}

/// The loops of one tier and element type, which has these largest tiles.
fn judge_tier(loops: &[&Loop], tiles: &[(usize, usize)]) -> Result<(), String> {
    if let Some(worst) = loops.iter().find(|it| !it.spills.is_empty()) {
        return Err(format!("{}: {} multiply-adds, spills: {:?}", worst.function, worst.fmas, worst.spills));
    }
    let most = tiles.iter().map(|(rows, wide)| rows * wide).max().unwrap_or(0);
    // Where nothing is broadcast, a tile is written (β is multiplied there), or bandwidth is measured.
    let mut steps = loops.iter().filter(|it| (LEAST_OF_A_STEP..=most).contains(&it.fmas) && it.broadcasts > 0);
    if let Some(Loop { function, fmas, broadcasts, reads, .. }) = steps.find(|it| it.tile().is_none()) {
        return Err(format!(
            "{function}: {fmas} multiply-adds with {broadcasts} broadcasts and {reads} vectors read are no step of a tile"
        ));
    }
    match tiles.iter().find(|tile| !loops.iter().any(|it| it.tile() == Some(**tile))) {
        Some((rows, wide)) => Err(format!("there is no tile of {rows} × {wide}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loop of a tile on AVX2, at an address, with an instruction more.
    fn tile((rows, wide): (usize, usize), element: &str, more: &str) -> Loop {
        let letter = &element[1..];
        let mut lines = vec![(format!("vmov{element}"), "%ymm9,(%rdi)".to_owned())];
        lines.extend((0..wide).map(|_| (format!("vmovu{element}"), "(%rax,%rcx,8),%ymm1".to_owned())));
        for _ in 0..rows {
            lines.push((format!("vbroadcasts{letter}"), "(%rdx),%ymm0".to_owned()));
            lines.extend((0..wide).map(|_| (format!("vfmadd231{element}"), "%ymm0,%ymm1,%ymm2".to_owned())));
        }
        lines.extend(more.split_once(' ').map(|(name, operands)| (name.to_owned(), operands.to_owned())));
        let body: Body<'_> = lines.iter().map(|(name, operands)| (0, name.as_str(), operands.as_str())).collect();
        look("a tile", &body).unwrap()
    }

    fn judged(tiles: &[Loop]) -> Result<(), String> {
        judge_tier(&tiles.iter().collect::<Vec<_>>(), DESIGN[1].1)
    }

    #[test]
    fn one_vector_read_twice_in_one_of_many_loops_is_found() {
        let whole = |more| vec![tile((6, 2), "ps", ""), tile((12, 1), "ps", ""), tile((6, 2), "ps", more)];
        assert_eq!(judged(&whole("")), Ok(()));
        for (more, word) in [
            ("vmovups 0x20(%rax),%ymm3", "6 broadcasts and 3 vectors"),
            ("vbroadcastss 0x4(%rdx),%ymm3", "7 broadcasts and 2 vectors"),
            ("vmovaps %ymm3,0x40(%rsp)", "spills"),
        ] {
            let error = judged(&whole(more)).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn an_instruction_outside_of_its_tier_is_found() {
        let listing = |function: &str, line: &str| format!("0000 <{function}>:\n  10:\t{line}\n");
        let (avx512, avx2, none) =
            ("deltarule_kernels3isa6avx5125enter", "deltarule_kernels3isa4avx25enter", "deltarule_kernels4team");
        // What a closure of ours makes of others' generic code, and who asks the CPU before it does more than the build may.
        let (generic, asks) = ("_ZN4core5slice4sort8unstable17h01E", "_ZN6memchr4arch6x86_644avx26memchr17h02E");
        for (function, line, is_fine) in [
            (avx512, "vaddps %zmm1,%zmm2,%zmm31", true),
            (avx512, "shlx   %eax,%ebx,%ecx", true),
            (avx2, "vaddps %ymm1,%ymm2,%ymm15", true),
            (avx2, "shlx   %eax,%ebx,%ecx", true),
            (avx2, "vaddps %zmm1,%zmm2,%zmm3", false),
            (avx2, "vaddps %ymm1,%ymm2,%ymm16", false),
            (avx2, "vaddps %ymm1,%ymm2,%ymm3{%k1}", false),
            (avx2, "kmovd  %eax,%k1", false),
            (none, "vaddps %ymm1,%ymm2,%ymm3", false),
            (none, "vaddps %xmm1,%xmm2,%xmm16", false),
            (none, "vaddps %xmm1,%xmm2,%xmm15", false),
            (none, "vfmadd231ss %xmm1,%xmm2,%xmm3", false),
            (none, "andn   %eax,%ebx,%ecx", false),
            (none, "popcntq (%rax),%rcx", false),
            (none, "vzeroupper", false),
            (none, "addps  %xmm1,%xmm15", true),
            (none, "tzcnt  %eax,%ecx", true),
            (none, "call   a <kernels4gemm19multiply>", true),
            (generic, "shlx   %eax,%ebx,%ecx", false),
            (generic, "shl    %cl,%eax", true),
            (asks, "vpcmpeqb %ymm1,%ymm2,%ymm3", true),
            ("deltarule_kernels6memchr", "vpcmpeqb %ymm1,%ymm2,%ymm3", false),
        ] {
            assert_eq!(instructions_are_the_tiers(&listing(function, line)).is_ok(), is_fine, "{function} {line}");
        }
    }

    #[test]
    fn a_closure_left_behind_is_found() {
        let call = "0000 <_ZN4core5array11try_from_fn17h01E>:\n  10:\tcall 1 <_ZN4core9core_arch3x867avx512f13_mm512_mul_ps17h02E>\n";
        assert!(all_is_inlined(call).unwrap_err().contains("is not inlined"));
        assert_eq!(all_is_inlined(&call.replace("_ZN4core5array", "_ZN5other5array")), Ok(()));
    }

    #[test]
    fn a_tile_that_is_gone_is_missed() {
        let error = judged(&[tile((6, 2), "pd", "")]).unwrap_err();
        assert!(error.contains("no tile of 12 × 1"), "{error}");
    }
}
