#![no_main]
//! IDX files.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::idx(data));
