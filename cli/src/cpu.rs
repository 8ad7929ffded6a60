//! `deltarule cpu`: what the kernels run on.

use deltarule::Isa;
use serde_json::json;

use crate::arguments::CpuArguments;
use crate::failure::Failure;
use crate::say::say;

/// Runs the command.
pub(crate) fn run(arguments: &CpuArguments) -> Result<(), Failure> {
    crate::machine::prepare(None)?;
    let available: Vec<String> = Isa::available().into_iter().map(|isa| isa.to_string()).collect();
    let cores = crate::settings::threads(None);
    if arguments.json {
        let value = json!({
            "isa": Isa::current().to_string(),
            "detected": Isa::detected().to_string(),
            "available": available,
            "cores": cores,
        });
        return say(&format!("{value}\n"));
    }
    let lowered = if Isa::current() == Isa::detected() { "" } else { ", lowered by DELTARULE_ISA" };
    say(&format!(
        "instruction set   {} (detected {}{lowered}; this machine runs {})\ncores             {cores}\n",
        Isa::current(),
        Isa::detected(),
        available.join(", ")
    ))
}
