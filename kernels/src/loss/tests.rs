//! Losses against references in f64.
