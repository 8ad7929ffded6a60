//! Under which conditions figures were taken: for the line above a table, and for lines of JSON, which must be understood without the command
//! that wrote them.

use crate::measure::BATCH;
use crate::options::Options;
use crate::placement::Placement;
use crate::table::json_string;
use deltarule_cli::bench::threads_in_words;
use deltarule_kernels::Isa;

/// What the environment may say that nothing else here shows: how products are cut, and where the threads of OpenMP's libraries run.
const VARIABLES: [&str; 3] = ["DELTARULE_CACHES", "OMP_PROC_BIND", "OMP_PLACES"];

/// Those that are set, and to what.
fn variables() -> Vec<(&'static str, String)> {
    VARIABLES.iter().filter_map(|&name| Some((name, std::env::var(name).ok()?))).collect()
}

/// Milliseconds of a timed batch of calls; none where calls or epochs are timed one by one.
fn window(options: &Options) -> Option<f64> {
    let batches = options.pause.is_none() && options.command != "fit";
    batches.then(|| options.window.unwrap_or(BATCH.as_secs_f64() * 1e3))
}

/// Threads and tier, the batches, what else the machine is asked to do, and what the environment says.
pub fn in_words(options: &Options) -> String {
    words(options, &variables())
}

fn words(options: &Options, variables: &[(&str, String)]) -> String {
    let all = [format!("{}, tier {}", threads_in_words(options.threads), Isa::current())].into_iter();
    let all = all.chain(window(options).map(|window| format!("batches of {window} ms")));
    let all = all.chain(options.pause.map(|pause| format!("every call after a sleep of {pause} ms")));
    let all = all.chain((options.beside > 0).then(|| format!("beside {} kept busy", threads_in_words(options.beside))));
    let Placement { lead, offset } = options.placement;
    let all = all.chain(lead.map(|lead| format!("leading dimensions powers of two, from {lead} on")));
    let all = all.chain(offset.map(|offset| format!("matrices {offset} bytes behind a page")));
    let all = all.chain(variables.iter().map(|(name, value)| format!("{name}={value}")));
    all.collect::<Vec<_>>().join(", ")
}

/// The same, and the seconds that a case was timed for, as entries of an object.
pub fn in_json(options: &Options) -> String {
    json(options, &variables())
}

fn json(options: &Options, variables: &[(&str, String)]) -> String {
    let isa = json_string(&Isa::current().to_string());
    let seconds = options.budget().as_secs_f64();
    let all = [format!("\"threads\":{},\"isa\":{isa},\"seconds\":{seconds}", options.threads)].into_iter();
    let all = all.chain(window(options).map(|window| format!("\"window_ms\":{window}")));
    let all = all.chain(options.pause.map(|pause| format!("\"pause_ms\":{pause}")));
    let all = all.chain((options.beside > 0).then(|| format!("\"beside\":{}", options.beside)));
    let Placement { lead, offset } = options.placement;
    let all = all.chain(lead.map(|lead| format!("\"lead\":{lead}")));
    let all = all.chain(offset.map(|offset| format!("\"offset\":{offset}")));
    let all = all.chain(variables.iter().map(|(name, value)| format!("\"{name}\":{}", json_string(value))));
    all.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        Options::parse(line.split_whitespace().map(str::to_owned)).unwrap()
    }

    #[test]
    fn a_line_of_json_says_how_it_was_timed() {
        let isa = Isa::current();
        let of = |line| json(&options(line), &[]);
        assert_eq!(of("gemm"), format!("\"threads\":1,\"isa\":\"{isa}\",\"seconds\":4,\"window_ms\":1"));
        assert_eq!(of("fit --threads 2"), format!("\"threads\":2,\"isa\":\"{isa}\",\"seconds\":20"));
        assert!(of("step --window 20 --beside 2").ends_with("\"seconds\":2,\"window_ms\":20,\"beside\":2"));
        assert!(of("gemm --lead 64 --offset 8").ends_with(",\"window_ms\":1,\"lead\":64,\"offset\":8"));
        assert!(of("step --pause 5 --seconds 0.5").ends_with("\"seconds\":0.5,\"pause_ms\":5"));
    }

    #[test]
    fn what_the_environment_says_is_told() {
        let variables = [("DELTARULE_CACHES", "32K,1M,0".to_owned())];
        assert!(json(&options("gemm"), &variables).ends_with(",\"DELTARULE_CACHES\":\"32K,1M,0\""));
        assert!(words(&options("gemm"), &variables).ends_with(", batches of 1 ms, DELTARULE_CACHES=32K,1M,0"));
    }
}
