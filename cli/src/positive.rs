//! Which of two classes precision, recall and F1 are about.

use crate::data::words::{clip, listed};
use crate::failure::Failure;

/// The positive one of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Positive<'a> {
    /// Its number.
    pub class: usize,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Positive<'a> {
    /// The second of two classes. Of more there is none: scores are means over all.
    pub(crate) fn usual(classes: &'a [String]) -> Option<Self> {
        match classes {
            [_, name] => Some(Self { class: 1, name }),
            _ => None,
        }
    }

    /// The one that `--positive` names.
    pub(crate) fn asked(classes: &'a [String], wanted: &str) -> Result<Self, Failure> {
        let refused = |why: String| Err(Failure::Misuse(format!("--positive {wanted}: {why}")));
        match (classes, classes.iter().position(|name| name == wanted)) {
            ([], _) => refused("the model answers numbers, not classes".to_string()),
            (_, None) => refused(format!("‘{}’ is none of the model's classes ({})", clip(wanted), listed(classes))),
            ([_, _], Some(class)) => Ok(Self { class, name: &classes[class] }),
            (many, _) => refused(format!(
                "the model has {} classes, of which none is positive; the scores of each are told anyway",
                many.len()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_of_two() {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let two = names(&["-1", "1"]);
        assert_eq!(Positive::usual(&two), Some(Positive { class: 1, name: "1" }));
        assert_eq!(Positive::asked(&two, "-1").expect("a class"), Positive { class: 0, name: "-1" });
        for (classes, wanted, words) in [
            (names(&[]), "1", "answers numbers"),
            (two, "2", "‘2’ is none of the model's classes (-1, 1)"),
            (names(&["a", "b", "c"]), "b", "3 classes"),
        ] {
            let refused = Positive::asked(&classes, wanted).expect_err(words);
            assert!(refused.status() == 2 && refused.to_string().contains(words), "{refused}");
            assert!(classes.len() == 2 || Positive::usual(&classes).is_none());
        }
    }
}
