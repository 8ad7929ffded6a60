//! Activations as text: their names, and the slope that one has.

use super::Activation;
use crate::names::{Named, UnknownName};
use std::fmt;
use std::str::FromStr;

impl fmt::Display for Activation {
    /// As [`FromStr`] reads it; a slope comes back with its bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeakyRelu { slope } => f.pad(&format!("{}({slope})", self.name())),
            other => f.pad(other.name()),
        }
    }
}

impl FromStr for Activation {
    type Err = UnknownName;

    /// By [name](Named::named): `relu`, `leaky-relu`, and with a slope `leaky-relu(0.2)`, …
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let Some((name, slope)) = text.trim().strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
            return Self::named(text);
        };
        match (Self::named(name), slope.trim().parse()) {
            (Ok(Self::LeakyRelu { .. }), Ok(slope)) if f64::is_finite(slope) => Ok(Self::LeakyRelu { slope }),
            _ => Err(UnknownName::of::<Self>(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_read_as_they_are_written() {
        let leaky = [0.01, 0.1 + 0.2, -0.5, 1e-300].map(|slope| Activation::LeakyRelu { slope });
        for &activation in Activation::ALL.iter().chain(&leaky) {
            assert_eq!(activation.to_string().parse(), Ok(activation));
            assert_eq!(activation.to_string().to_uppercase().replace("Y-R", "Y_R").parse(), Ok(activation));
        }
        assert_eq!("leaky-relu".parse(), Ok(Activation::LeakyRelu { slope: 0.01 }));
    }

    #[test]
    fn nonsense_is_named_in_the_error() {
        for text in ["", "softplus", "relu(1)", "leaky-relu(x)", "leaky-relu(nan)", "leaky-relu(", "leaky-relu(inf)"] {
            let error = text.parse::<Activation>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
