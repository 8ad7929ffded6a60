//! The layer's products, sums and updates: a file for each thing that is tested.

mod alike;
mod case;
mod copies;
mod moments;
mod products;
mod single;
mod sums;
