//! Activations by name, there and back.

use super::Activation;
use std::fmt;
use std::str::FromStr;

/// The slope of a leaky ReLU that is asked for without one.
const USUAL_SLOPE: f64 = 0.01;

/// No activation is written like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationError(String);

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no activation is called `{}`: use identity, relu, leaky-relu, leaky-relu(SLOPE), ", self.0)?;
        f.write_str("sigmoid, tanh, gelu, gelu-tanh or silu")
    }
}

impl std::error::Error for ActivationError {}

impl Activation {
    /// The name, without parameters; [`Display`](fmt::Display) writes them too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky-relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu-tanh",
            Self::Silu => "silu",
        }
    }
}

impl fmt::Display for Activation {
    /// As [`FromStr`] reads it; a slope comes back with its bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeakyRelu { slope } => f.pad(&format!("leaky-relu({slope})")),
            other => f.pad(other.name()),
        }
    }
}

impl FromStr for Activation {
    type Err = ActivationError;

    /// By name, in any case, with `_` or `-`: `relu`, `leaky-relu`, `leaky-relu(0.2)`, …
    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let unknown = || ActivationError(text.to_owned());
        let name = text.trim().to_ascii_lowercase().replace('_', "-");
        let (name, slope) = match name.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
            Some(("leaky-relu", slope)) => ("leaky-relu", slope.trim().parse().map_err(|_| unknown())?),
            Some(_) => return Err(unknown()),
            None => (name.as_str(), USUAL_SLOPE),
        };
        match name {
            "identity" | "linear" => Ok(Self::Identity),
            "relu" => Ok(Self::Relu),
            "leaky-relu" if f64::is_finite(slope) => Ok(Self::LeakyRelu { slope }),
            "sigmoid" | "logistic" => Ok(Self::Sigmoid),
            "tanh" => Ok(Self::Tanh),
            "gelu" => Ok(Self::Gelu),
            "gelu-tanh" => Ok(Self::GeluTanh),
            "silu" | "swish" => Ok(Self::Silu),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for slope in [0.01, 0.1 + 0.2, -0.5, 1e-300] {
            let leaky = Activation::LeakyRelu { slope };
            assert_eq!(leaky.to_string().parse(), Ok(leaky));
        }
        use Activation::*;
        for activation in [Identity, Relu, Sigmoid, Tanh, Gelu, GeluTanh, Silu] {
            assert_eq!(activation.to_string().parse(), Ok(activation));
            assert_eq!(activation.name().to_uppercase().replace('-', "_").parse(), Ok(activation));
        }
        assert_eq!("leaky-relu".parse(), Ok(LeakyRelu { slope: 0.01 }));
    }

    #[test]
    fn nonsense_is_named_in_the_error() {
        for text in ["", "softplus", "relu(1)", "leaky-relu(x)", "leaky-relu(nan)", "leaky-relu(", "leaky-relu(inf)"] {
            let error = text.parse::<Activation>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
