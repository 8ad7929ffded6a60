//! `deltarule fold`: a model whose weights alone say it all, for programs that read no more of a file, such as PyTorch.

use deltarule::{About, Element, Error, Mlp};

use crate::any_model::AnyModel;
use crate::arguments::FoldArguments;
use crate::failure::Failure;
use crate::say::{counted, say};
use crate::with_model;

/// Runs the command.
pub(crate) fn run(arguments: &FoldArguments) -> Result<(), Failure> {
    let model = AnyModel::load(&arguments.model)?;
    with_model!(&model, model => fold(model, arguments))?;
    let (path, out) = (arguments.model.model.display(), arguments.out.display());
    say(&match standardised(model.about()) {
        None => format!("{out}: a copy, as {path} standardises nothing\n"),
        Some(what) => format!("{out}: the standardisation of {what} is in the weights now\n"),
    })
}

fn fold<T: Element>(model: &Mlp<T>, arguments: &FoldArguments) -> Result<(), Failure> {
    let folded = model.folded().map_err(|error| match error {
        Error::Architecture(_) => Failure::Other(format!(
            "{}: the standardisation has numbers too large for weights in {}; rescale the columns, or train with --dtype f64",
            arguments.model.model.display(),
            T::NAME
        )),
        error => error.into(),
    })?;
    Ok(folded.save(&arguments.out)?)
}

/// What a model standardises, if anything.
fn standardised(about: &About) -> Option<String> {
    let inputs = about.inputs.as_ref().map(|inputs| counted(inputs.columns() as u64, "input", "inputs"));
    let targets = about.targets.as_ref().map(|targets| counted(targets.columns() as u64, "target", "targets"));
    let parts: Vec<String> = inputs.into_iter().chain(targets).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}
