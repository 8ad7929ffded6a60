#![no_main]
//! CSV files.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::csv(data));
