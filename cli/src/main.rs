//! The program `deltarule`; all of it is in the library beside it.

fn main() {}
