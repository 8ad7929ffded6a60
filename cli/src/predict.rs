//! `deltarule predict`: a model's answers, a line a row, as CSV; before them the columns of the data that are kept.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use deltarule::{Element, Mlp, Output, Scratch, class_of, file::write_atomically};

use crate::any_model::AnyModel;
use crate::arguments::PredictArguments;
use crate::data::{Kept, Source};
use crate::failure::Failure;
use crate::not_finite::{ROWS_AT_A_TIME, refuse_among};
use crate::reading::{Purpose, Subject};
use crate::with_model;

/// Runs the command.
pub(crate) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    crate::machine::prepare(arguments.subject.threads)?;
    refuse_to_replace_what_is_read(arguments)?;
    let model = AnyModel::load(&arguments.subject.model)?;
    if arguments.probabilities && model.output() == Output::Linear {
        return Err(Failure::Misuse("--probabilities: the model answers numbers, not classes".to_string()));
    }
    let subject = Subject::load(&arguments.subject, &model, Purpose::Prediction { keep: &arguments.keep })?;
    let threads = crate::machine::threads(arguments.subject.threads);
    let classes = model.classes();
    let answer = |sink: &mut dyn Write| {
        let mut writer = Answers {
            sink: csv::Writer::from_writer(sink),
            path: arguments.out.as_deref(),
            kept: &subject.data.kept,
            classes: &classes,
            probabilities: arguments.probabilities,
        };
        with_model!(&model, model => writer.write(model, &subject, threads))
    };
    match &arguments.out {
        None => answer(&mut BufWriter::new(io::stdout().lock())),
        Some(path) if path.metadata().is_ok_and(|metadata| !metadata.is_file()) => {
            // A pipe or a device: there is nothing to replace.
            let mut file = File::create(path).map_err(Failure::file(path))?;
            answer(&mut file)
        }
        Some(path) => {
            let mut text = Vec::new();
            answer(&mut text)?;
            write_atomically(path, &text).map_err(Failure::file(path))
        }
    }
}

/// The answers are not to take the place of the model, or of the rows that they are of.
fn refuse_to_replace_what_is_read(arguments: &PredictArguments) -> Result<(), Failure> {
    let Some(out) = &arguments.out else { return Ok(()) };
    // What is not there yet is nobody's; a pipe or a device is not replaced.
    let Some(place) = out.canonicalize().ok().filter(|place| place.is_file()) else { return Ok(()) };
    let what = if arguments.subject.model.model.canonicalize().is_ok_and(|model| model == place) {
        "the model"
    } else if Source::parse(&arguments.subject.data)?.is_read_from(&place) {
        "a file of the data"
    } else {
        return Ok(());
    };
    Err(Failure::Misuse(format!(
        "--out {}: this is {what}, which the answers would replace; name another file",
        out.display()
    )))
}

/// Two columns of one name, of which a reader would find but one.
fn refuse_a_name_twice(kept: &[String], answers: &[String]) -> Result<(), Failure> {
    let again = |(at, name): &(usize, &String)| kept[..*at].contains(name) || answers.contains(name);
    match kept.iter().enumerate().find(again) {
        Some((_, name)) => {
            let what = format!("--keep {name}: the answers would have two columns of this name");
            Err(Failure::Misuse(format!("{what}; leave it out, or name the column otherwise in the file")))
        }
        None => Ok(()),
    }
}

/// The file of answers.
struct Answers<'a, W: Write> {
    sink: csv::Writer<W>,
    /// Where they go, if not to standard output.
    path: Option<&'a Path>,
    kept: &'a Kept,
    classes: &'a [String],
    probabilities: bool,
}

impl<W: Write> Answers<'_, W> {
    fn write<T: Element + std::fmt::Display>(
        &mut self,
        model: &Mlp<T>,
        subject: &Subject,
        threads: usize,
    ) -> Result<(), Failure> {
        let names = self.header(model.outputs());
        refuse_a_name_twice(self.kept.names(), &names)?;
        self.record(self.kept.names(), names)?;
        let mut scratch = Scratch::with_threads(threads);
        for rows in subject.rows.chunks(ROWS_AT_A_TIME) {
            let features: Vec<T> = subject.data.gather(rows, T::from_f64, T::is_finite)?;
            let answers = model.predict(&features, &mut scratch)?;
            refuse_among(&subject.data, rows, answers)?;
            for (&row, outputs) in rows.iter().zip(answers.chunks_exact(model.outputs())) {
                self.record(self.kept.row(row), self.answer(outputs))?;
            }
        }
        self.sink.flush().map_err(|error| self.fault(error))
    }

    /// What is named is to hold every answer, be it a pipe; of standard output a reader may want only the first.
    fn fault(&self, error: io::Error) -> Failure {
        match self.path {
            Some(path) => Failure::file(path)(error),
            None => Failure::output(error),
        }
    }

    fn header(&self, outputs: usize) -> Vec<String> {
        if self.classes.is_empty() && outputs > 1 {
            return (0..outputs).map(|output| format!("prediction_{output}")).collect();
        }
        let mut fields = vec!["prediction".to_string()];
        if self.probabilities {
            fields.extend(self.classes.iter().map(|class| format!("p_{class}")));
        }
        fields
    }

    fn answer<T: Element + std::fmt::Display>(&self, outputs: &[T]) -> Vec<String> {
        if self.classes.is_empty() {
            return outputs.iter().map(T::to_string).collect();
        }
        let class = class_of(outputs) as usize;
        let mut fields = vec![self.classes.get(class).cloned().unwrap_or_else(|| class.to_string())];
        if self.probabilities {
            match outputs {
                [p] => fields.extend([(T::ONE - *p).to_string(), p.to_string()]),
                many => fields.extend(many.iter().map(T::to_string)),
            }
        }
        fields
    }

    fn record(&mut self, kept: &[String], fields: Vec<String>) -> Result<(), Failure> {
        self.sink.write_record(kept.iter().chain(&fields)).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => self.fault(error),
            other => Failure::Other(format!("the answers cannot be written: {other:?}")),
        })
    }
}
