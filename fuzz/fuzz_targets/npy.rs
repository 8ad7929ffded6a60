#![no_main]
//! NPY files.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::npy(data));
