//! Every operation on every tier of this machine against scalar Rust, bit for bit.
