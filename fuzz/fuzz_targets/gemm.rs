#![no_main]
//! Products of any shape, layout and scale against the oracle.

libfuzzer_sys::fuzz_target!(|data: &[u8]| deltarule_tests::fuzzed::gemm(data));
