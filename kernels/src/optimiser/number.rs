//! What there is to say of a rule's numbers, so that whoever writes, reads or checks them need not know which rules there are.

/// What a number of a [`Rule`](super::Rule) is called, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// What it is called.
    pub name: &'static str,
    /// What it may be, in words that go after “must be”.
    pub range: &'static str,
    /// Whether it may be this.
    pub holds: fn(f64) -> bool,
}

impl Number {
    /// One at least 0 and below 1.
    pub const fn fraction(name: &'static str) -> Self {
        Self { name, range: "at least 0 and below 1", holds: |x| (0.0..1.0).contains(&x) }
    }

    /// One above 0 and finite.
    pub const fn positive(name: &'static str) -> Self {
        Self { name, range: "positive and finite", holds: |x| x > 0.0 && x.is_finite() }
    }
}
