//! The command line, read once into plain values.

use crate::shapes::Shape;

/// What `versus --help` says.
pub const USAGE: &str = "\
usage: versus gemm [OPTIONS]   products against other libraries
       versus step [OPTIONS]   training steps against the machine's limit
       versus fit  [OPTIONS]   epochs of training against the bare step

all:
  --threads N          threads for every contender (default 1)
  --only TEXT          only cases whose name contains TEXT
  --seconds S          time spent on each case (default 4 for gemm, 2 for step, 10 for fit)
  --json               one JSON object a line instead of the table

gemm:
  --dtype f32|f64      element type (default f32)
  --shape MxNxK:nn     this product instead of the default set; nn, nt, tn or tt; may be repeated
  --blas NAME=PATH     also time this CBLAS library (OpenBLAS, BLIS, MKL, …); may be repeated

step and fit:
  --layers 784-128-10 --batch 128 --activation relu --loss ce --optimizer sgd
                       this net instead of the default set (loss: mse, ce or logloss; optimizer: sgd or adam)

step:
  --phases             where the time of a step goes
";

/// The element type of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 64 bits.
    F64,
}

/// Everything that the command line can say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `gemm`, `step` or `fit`.
    pub command: String,
    /// Threads for every contender.
    pub threads: usize,
    /// Element type.
    pub dtype: Dtype,
    /// Part of a case's name.
    pub only: String,
    /// Time on each case.
    pub seconds: Option<f64>,
    /// JSON lines instead of a table.
    pub json: bool,
    /// Products instead of the default set.
    pub shapes: Vec<Shape>,
    /// BLAS libraries, name and path.
    pub blas: Vec<(String, String)>,
    /// Where the time of a step goes.
    pub phases: bool,
    /// Layer widths of a net instead of the default set.
    pub layers: Option<String>,
    /// Its batch.
    pub batch: Option<usize>,
    /// Its hidden activation.
    pub activation: Option<String>,
    /// Its loss.
    pub loss: Option<String>,
    /// Its optimiser.
    pub optimizer: Option<String>,
}

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// Says which argument is unknown, lacks its value or cannot be read.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().unwrap_or_default();
        if !["gemm", "step", "fit"].contains(&command.as_str()) {
            return Err(format!("expected gemm, step or fit, but got {command:?}\n\n{USAGE}"));
        }
        let mut options = Self { command, threads: 1, ..Self::default() };
        while let Some(name) = arguments.next() {
            options.one(&name, &mut || arguments.next().ok_or_else(|| format!("{name} needs a value")))?;
        }
        Ok(options)
    }

    fn one(&mut self, name: &str, value: &mut dyn FnMut() -> Result<String, String>) -> Result<(), String> {
        match name {
            "--json" => self.json = true,
            "--phases" => self.phases = true,
            "--threads" => self.threads = number(name, &value()?)?,
            "--batch" => self.batch = Some(number(name, &value()?)?),
            "--only" => self.only = value()?,
            "--seconds" => self.seconds = Some(seconds(&value()?)?),
            "--shape" => self.shapes.push(value()?.parse()?),
            "--layers" => self.layers = Some(value()?),
            "--activation" => self.activation = Some(value()?),
            "--loss" => self.loss = Some(value()?),
            "--optimizer" | "--optimiser" => self.optimizer = Some(value()?),
            "--dtype" => self.dtype = dtype(&value()?)?,
            "--blas" => self.blas.push(library(&value()?)?),
            _ => return Err(format!("unknown option {name}\n\n{USAGE}")),
        }
        Ok(())
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name} {value}: expected a whole number, at least 1")),
    }
}

fn seconds(value: &str) -> Result<f64, String> {
    match value.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("--seconds {value}: expected a number from 0 to 3600")),
    }
}

fn dtype(value: &str) -> Result<Dtype, String> {
    match value {
        "f32" => Ok(Dtype::F32),
        "f64" => Ok(Dtype::F64),
        _ => Err(format!("--dtype {value}: expected f32 or f64")),
    }
}

fn library(value: &str) -> Result<(String, String), String> {
    match value.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.to_owned())),
        _ => Err(format!("--blas {value}: expected NAME=PATH")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_line_is_read() {
        let options = parse("gemm --threads 2 --dtype f64 --shape 1x2x3:tn --blas open=/a/b --json").unwrap();
        assert_eq!((options.threads, options.dtype, options.json), (2, Dtype::F64, true));
        assert_eq!(options.shapes[0].case, "tn 1 2 3");
        assert_eq!(options.blas, [("open".to_owned(), "/a/b".to_owned())]);
    }

    #[test]
    fn misuse_is_named() {
        for (line, word) in [
            ("", "expected gemm"),
            ("gemm --threads 0", "--threads 0"),
            ("gemm --threads", "needs a value"),
            ("gemm --seconds -1", "--seconds -1"),
            ("gemm --blas x", "NAME=PATH"),
            ("gemm --dtype f16", "f32 or f64"),
            ("step --colour", "unknown option --colour"),
        ] {
            assert!(parse(line).unwrap_err().contains(word), "{line}");
        }
    }
}
