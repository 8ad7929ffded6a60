//! Names, there and back: of activations, losses and rules here, and of whatever else has a few. One rule reads all of them.

use std::fmt;

/// What is one of a few, each with a name.
pub trait Named: Copy + 'static {
    /// What one of them is, for errors: `"activation"`.
    const WHAT: &'static str;
    /// All of them, in the order in which they are listed. What has numbers has its usual ones here.
    const ALL: &'static [Self];
    /// Forms that are read beside the names: `"leaky-relu(SLOPE)"`.
    const FORMS: &'static [&'static str] = &[];

    /// The name, in lower case, its words joined by `-`, and then others that are understood. Numbers have no part in it.
    fn names(self) -> &'static [&'static str];

    /// The first of the [`names`](Self::names).
    fn name(self) -> &'static str {
        self.names()[0]
    }

    /// What a name that does not say it all stands for, in a line.
    fn summary(self) -> Option<&'static str> {
        None
    }

    /// The one of this name, in any case, with `_` or `-`, blanks around it or none.
    ///
    /// # Errors
    /// None has this name.
    fn named(text: &str) -> Result<Self, UnknownName> {
        let name = text.trim().to_ascii_lowercase().replace('_', "-");
        let found = Self::ALL.iter().find(|one| one.names().contains(&name.as_str()));
        found.copied().ok_or_else(|| UnknownName::of::<Self>(text))
    }
}

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    text: String,
    known: Vec<&'static str>,
}

impl UnknownName {
    pub(crate) fn of<N: Named>(text: &str) -> Self {
        let known = N::ALL.iter().map(|one| one.name()).chain(N::FORMS.iter().copied()).collect();
        Self { what: N::WHAT, text: text.to_owned(), known }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called `{}`: use ", self.what, self.text)?;
        match &self.known[..] {
            [others @ .., last] if !others.is_empty() => write!(f, "{} or {last}", others.join(", ")),
            few => f.write_str(&few.concat()),
        }
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Loss, Rule};
    use std::collections::HashSet;
    use std::str::FromStr;

    /// Every name, also a second one, in every spelling, is of one thing alone.
    fn goes_there_and_back<N: Named + PartialEq + fmt::Debug + FromStr<Err = UnknownName>>() {
        let mut seen = HashSet::new();
        for &one in N::ALL {
            for name in one.names() {
                assert!(seen.insert(name), "two have the name {name}");
                assert_eq!(*name, name.to_lowercase().replace('_', "-"));
                for spelt in [(*name).to_owned(), name.replace('-', "_"), format!(" {}\n", name.to_uppercase())] {
                    assert_eq!(spelt.parse(), Ok(one), "{spelt:?}");
                }
            }
        }
    }

    #[test]
    fn names_go_there_and_back() {
        goes_there_and_back::<Activation>();
        goes_there_and_back::<Loss>();
        goes_there_and_back::<Rule>();
    }

    #[test]
    fn what_nothing_is_called_is_told_with_all_that_there_is() {
        let error = "Half error".parse::<Loss>().unwrap_err().to_string();
        let expected =
            "no loss is called `Half error`: use half-squared-error, squared-error, log-loss or cross-entropy";
        assert_eq!(error, expected);
    }
}
