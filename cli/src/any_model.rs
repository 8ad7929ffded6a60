//! A model from a file whose number type is not known before it is read.

use std::path::Path;

use deltarule::file::element_type;
use deltarule::{About, Activation, Error, FileError, LoadOptions, Mlp, Output};

use crate::arguments::ModelArguments;
use crate::failure::Failure;

/// A model of either number type.
#[derive(Debug)]
pub enum AnyModel {
    /// 32-bit.
    F32(Mlp<f32>),
    /// 64-bit.
    F64(Mlp<f64>),
}

/// Does the same with a model of either type.
#[macro_export]
macro_rules! with_model {
    ($any:expr, $model:ident => $body:expr) => {
        match $any {
            $crate::any_model::AnyModel::F32($model) => $body,
            $crate::any_model::AnyModel::F64($model) => $body,
        }
    };
}

impl AnyModel {
    /// Reads a model.
    pub fn load(arguments: &ModelArguments) -> Result<Self, Failure> {
        let path: &Path = &arguments.model;
        let mut options = LoadOptions::new();
        if let Some(choice) = arguments.hidden_activation {
            options = options.hidden(choice);
        }
        if let Some(choice) = arguments.model_output {
            options = options.output(choice);
        }
        let loaded = match element_type(path)?.as_str() {
            "F64" => Mlp::load_with(path, &options).map(Self::F64),
            // Any other type is refused by the loader, in words that name the tensor.
            _ => Mlp::load_with(path, &options).map(Self::F32),
        };
        let model = loaded.map_err(|error| match error {
            Error::File { problem: FileError::NoActivations, .. } => Failure::Misuse(format!(
                "{}: it does not say which activations it has; add --hidden-activation and --model-output",
                path.display()
            )),
            error => error.into(),
        })?;
        model.refuse_contradiction(arguments)?;
        Ok(model)
    }

    /// Refuses options for files that do not say it, where this one says otherwise; without hidden layers there is no activation to speak of.
    fn refuse_contradiction(&self, arguments: &ModelArguments) -> Result<(), Failure> {
        let has_hidden = with_model!(self, model => model.widths().len() > 2);
        let hidden = arguments.hidden_activation.filter(|&choice| has_hidden && choice != self.hidden());
        let output = arguments.model_output.filter(|&choice| choice != self.output());
        let (option, choice, what, own) = match (hidden, output) {
            (Some(choice), _) => ("--hidden-activation", choice.to_string(), "activation", self.hidden().to_string()),
            (None, Some(choice)) => ("--model-output", choice.to_string(), "output", self.output().to_string()),
            (None, None) => return Ok(()),
        };
        Err(Failure::Misuse(format!(
            "{option} {choice}: {} says that its {what} is {own}; leave the option out",
            arguments.model.display()
        )))
    }

    /// What is stored beside the weights.
    pub fn about(&self) -> &About {
        with_model!(self, model => model.about())
    }

    /// What the last layer's `z` becomes.
    pub fn output(&self) -> Output {
        with_model!(self, model => model.output())
    }

    /// How many numbers a row of input has.
    pub fn inputs(&self) -> usize {
        with_model!(self, model => model.inputs())
    }

    /// How many numbers a row of output has.
    pub fn outputs(&self) -> usize {
        with_model!(self, model => model.outputs())
    }

    /// The activation of the hidden layers.
    pub fn hidden(&self) -> Activation {
        with_model!(self, model => model.hidden())
    }

    /// Names of the classes: those stored, or numbers; empty for a model of numbers.
    pub fn classes(&self) -> Vec<String> {
        let stored = &self.about().classes;
        if !stored.is_empty() || self.output() == Output::Linear {
            return stored.clone();
        }
        let count = if self.outputs() == 1 { 2 } else { self.outputs() };
        (0..count).map(|class| class.to_string()).collect()
    }
}
