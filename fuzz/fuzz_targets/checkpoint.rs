#![no_main]
//! Checkpoints of a training run.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::checkpoint(data));
