//! Activations against references in higher precision.
