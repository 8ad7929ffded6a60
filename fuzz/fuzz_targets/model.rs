#![no_main]
//! Model files.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::model(data));
