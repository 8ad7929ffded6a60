//! The command line, read once into plain values.

use crate::measure::Timed;
use crate::placement::Placement;
use crate::shapes::{Set, Shape};
use deltarule::{Activation, Loss, Named, Rule};
use deltarule_cli::picture_file::PictureFile;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What `versus --help` says.
pub fn usage() -> String {
    let [activations, losses, rules] = [names::<Activation>(), names::<Loss>(), names::<Rule>()];
    format!(
        "\
usage: versus gemm [OPTIONS]   products against other libraries
       versus step [OPTIONS]   training steps against the machine's limit
       versus fit  [OPTIONS]   epochs of training against the bare step, and what the gather takes of the difference

all:
  --threads N          threads for every contender (default 1)
  --only TEXT          only cases whose name contains TEXT
  --seconds S          time spent on each case (default 4 for gemm, 2 for step, 20 for fit)
  --json               one JSON object a line instead of the table

gemm:
  --dtype f32|f64      element type (default f32)
  --set mlp|odd        products of a training step and squares (default), or shapes that nobody tunes for: primes,
                       single rows, columns and steps of k, 100,000 steps, three rows, tall, wide, in all layouts
  --shape MxNxK:nn     this product instead of a set; nn, nt, tn or tt; may be repeated
  --lead N             leading dimensions that are powers of two: for every matrix the least that is at least N (up to
                       4096) and as long as a row, as it is stored
  --offset BYTES       every matrix begins so many bytes behind a page, up to 4095, in whole elements (otherwise C
                       begins 16 behind one, and so do A and B with --lead, without it where the allocator puts them)
  --blas NAME=PATH     also time this CBLAS library (OpenBLAS, BLIS, MKL, …), and, where MKL or OpenBLAS
                       packs weights beforehand, its packed call; may be repeated
  --picture FILE       draw all rows at the end, as shares of the peak; FILE ends in .svg or .png

gemm and step:
  --window MS          length of the batches of calls of which the fastest counts (default 1 millisecond)
  --pause MS           time every call alone, after a sleep and after the other contenders: helpers are asleep by then,
                       if they linger no longer than that, and caches are cold
  --beside N           while N threads are busy with something else; --window 100 lets the system share the
                       cores out within a batch

step and fit:
  --layers 784-128-10 --batch 128 --activation relu --loss ce --optimizer sgd
                       this net instead of the default set
                         activation: {activations}
                         loss: {losses}; ce, mse, half or logloss for short
                         optimizer: {rules}
  --l2 X --clip NORM --unfused
                       the same net with an L2 penalty (of adamw the decay, 0.01 if nothing is said), with gradients
                       of at most this norm, with each gradient written before it is applied

step:
  --phases             where the time of a step goes, of nets that have a layer of more than 6,144 weights

environment, as every line above a table and of JSON tells where it is set:
  DELTARULE_CACHES     sizes of caches by which our products are cut, as in 48K,2M,32M
  OMP_PROC_BIND=close OMP_PLACES=cores
                       OpenMP's libraries (BLIS, MKL, some OpenBLAS) keep each thread on a core of its own. They bind the main thread
                       too, and threads that others start later (matrixmultiply, the measurement of the peak) are bound to its core
                       with it: such a run is for the columns of those libraries alone
and told in what a library says of itself:
  BLIS_ARCH_TYPE       BLIS's kernels by number; without it, those for AVX-512 where BLIS would not see that the CPU has that
"
    )
}

/// The names of all of a kind.
fn names<N: Named>() -> String {
    N::ALL.iter().map(|one| one.name()).chain(N::FORMS.iter().copied()).collect::<Vec<_>>().join(", ")
}

/// The options that only some commands heed.
const HEEDED: &[(&str, &[&str])] = &[
    ("--dtype", &["gemm"]),
    ("--set", &["gemm"]),
    ("--shape", &["gemm"]),
    ("--lead", &["gemm"]),
    ("--offset", &["gemm"]),
    ("--blas", &["gemm"]),
    ("--picture", &["gemm"]),
    ("--layers", &["step", "fit"]),
    ("--batch", &["step", "fit"]),
    ("--activation", &["step", "fit"]),
    ("--loss", &["step", "fit"]),
    ("--optimizer", &["step", "fit"]),
    ("--optimiser", &["step", "fit"]),
    ("--l2", &["step", "fit"]),
    ("--clip", &["step", "fit"]),
    ("--unfused", &["step", "fit"]),
    ("--phases", &["step"]),
    ("--window", &["gemm", "step"]),
    ("--pause", &["gemm", "step"]),
    ("--beside", &["gemm", "step"]),
];

/// The element type of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 64 bits.
    F64,
}

impl Dtype {
    /// Of an element.
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
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
    /// Which products.
    pub set: Option<Set>,
    /// Products instead of a set.
    pub shapes: Vec<Shape>,
    /// How matrices lie in memory.
    pub placement: Placement,
    /// BLAS libraries, name and path.
    pub blas: Vec<(String, String)>,
    /// Where the products are drawn.
    pub picture: Option<PictureFile>,
    /// Where the time of a step goes.
    pub phases: bool,
    /// How long a timed batch of calls takes, in milliseconds.
    pub window: Option<f64>,
    /// How long a sleep comes before each call, in milliseconds; each is timed alone then.
    pub pause: Option<f64>,
    /// Threads that are busy with something else.
    pub beside: usize,
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
    /// Its L2 penalty, or decay.
    pub l2: Option<f64>,
    /// The largest norm that its gradient may have.
    pub clip: Option<f64>,
    /// Its gradients are written before they are applied.
    pub unfused: bool,
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
            return Err(format!("expected gemm, step or fit, but got {command:?}\n\n{}", usage()));
        }
        let mut options = Self { command, threads: 1, ..Self::default() };
        while let Some(name) = arguments.next() {
            options.heeds(&name)?;
            options.one(&name, &mut || arguments.next().ok_or_else(|| format!("{name} needs a value")))?;
        }
        options.check()?;
        Ok(options)
    }

    /// An option that the command would ignore is refused.
    fn heeds(&self, name: &str) -> Result<(), String> {
        match HEEDED.iter().find(|(option, _)| *option == name) {
            Some((_, commands)) if !commands.contains(&self.command.as_str()) => {
                Err(format!("{name} is for {}, not for {}", commands.join(" and "), self.command))
            }
            _ => Ok(()),
        }
    }

    /// So are options that need another one, or that go with no table.
    fn check(&self) -> Result<(), String> {
        let of_a_net = [
            ("--batch", self.batch.is_some()),
            ("--activation", self.activation.is_some()),
            ("--loss", self.loss.is_some()),
            ("--optimizer", self.optimizer.is_some()),
            ("--l2", self.l2.is_some()),
            ("--clip", self.clip.is_some()),
            ("--unfused", self.unfused),
        ];
        if let (None, Some((name, _))) = (&self.layers, of_a_net.iter().find(|(_, is_given)| *is_given)) {
            return Err(format!("{name} describes a net of one's own: say its widths too, with --layers 784-128-10"));
        }
        if self.set.is_some() && !self.shapes.is_empty() {
            return Err("--shape is a product instead of a --set".to_owned());
        }
        if let Some(bytes) = self.placement.offset.filter(|bytes| !bytes.is_multiple_of(self.dtype.bytes())) {
            return Err(format!("--offset {bytes}: elements of {} bytes cannot begin there", self.dtype.bytes()));
        }
        if self.window.is_some() && self.pause.is_some() {
            return Err("--pause times single calls, for which --window means nothing".to_owned());
        }
        if self.phases && (self.pause.is_some() || self.window.is_some()) {
            return Err("--phases times parts over batches of its own, without --pause or --window".to_owned());
        }
        if self.phases && self.json {
            return Err("--phases is a table, which --json has none of".to_owned());
        }
        if self.phases && (self.unfused || self.clip.is_some()) {
            return Err(
                "--phases times gradients that are applied as they are made: not with --clip or --unfused".to_owned()
            );
        }
        Ok(())
    }

    /// The time on each case, as it was asked for or as is usual.
    pub fn budget(&self) -> Duration {
        let usual = match self.command.as_str() {
            "gemm" => 4.0,
            "step" => 2.0,
            _ => 20.0,
        };
        Duration::from_secs_f64(self.seconds.unwrap_or(usual))
    }

    /// Timed as the command line says: over batches of another length, or call by call, each after a pause.
    pub fn timed<'a, E>(&self, timed: Timed<'a, E>) -> Timed<'a, E> {
        let milliseconds = |value: f64| Duration::from_secs_f64(value / 1e3);
        match (self.window, self.pause) {
            (_, Some(pause)) => timed.after_pauses(milliseconds(pause)),
            (Some(window), None) => timed.window(milliseconds(window)),
            (None, None) => timed,
        }
    }

    fn one(&mut self, name: &str, value: &mut dyn FnMut() -> Result<String, String>) -> Result<(), String> {
        match name {
            "--json" => self.json = true,
            "--phases" => self.phases = true,
            "--unfused" => self.unfused = true,
            "--threads" => self.threads = number(name, &value()?)?,
            "--batch" => self.batch = Some(number(name, &value()?)?),
            "--only" => self.only = value()?,
            "--seconds" => self.seconds = Some(up_to_3600(name, &value()?)?),
            "--window" => self.window = Some(up_to_3600(name, &value()?)?),
            "--pause" => self.pause = Some(up_to_3600(name, &value()?)?),
            "--beside" => self.beside = number(name, &value()?)?,
            "--set" => self.set = Some(value()?.parse()?),
            "--shape" => self.shapes.push(value()?.parse()?),
            "--lead" => self.placement.lead = Some(within(1..=4096, name, &value()?)?),
            "--offset" => self.placement.offset = Some(within(0..=4095, name, &value()?)?),
            "--layers" => self.layers = Some(value()?),
            "--activation" => self.activation = Some(value()?),
            "--loss" => self.loss = Some(value()?),
            "--optimizer" | "--optimiser" => self.optimizer = Some(value()?),
            "--l2" => self.l2 = Some(at_least_0(name, &value()?)?),
            "--clip" => self.clip = Some(at_least_0(name, &value()?)?),
            "--dtype" => self.dtype = dtype(&value()?)?,
            "--blas" => self.blas.push(library(&value()?)?),
            "--picture" => self.picture = Some(picture(name, &value()?)?),
            _ => return Err(format!("unknown option {name}\n\n{}", usage())),
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

fn within(range: RangeInclusive<usize>, name: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("{name} {value}: expected a whole number from {} to {}", range.start(), range.end())),
    }
}

fn up_to_3600(name: &str, value: &str) -> Result<f64, String> {
    match value.parse() {
        Ok(number) if (0.0..=3600.0).contains(&number) => Ok(number),
        _ => Err(format!("{name} {value}: expected a number from 0 to 3600")),
    }
}

fn at_least_0(name: &str, value: &str) -> Result<f64, String> {
    match value.parse() {
        Ok(number) if number >= 0.0 => Ok(number),
        _ => Err(format!("{name} {value}: expected a number, at least 0")),
    }
}

fn dtype(value: &str) -> Result<Dtype, String> {
    match value {
        "f32" => Ok(Dtype::F32),
        "f64" => Ok(Dtype::F64),
        _ => Err(format!("--dtype {value}: expected f32 or f64")),
    }
}

fn picture(name: &str, value: &str) -> Result<PictureFile, String> {
    PictureFile::new(value.into()).map_err(|error| format!("{name} {value}: {error}"))
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
        let options =
            parse("gemm --threads 2 --dtype f64 --shape 1x2x3:tn --blas open=/a/b --picture c.svg --json").unwrap();
        assert_eq!((options.threads, options.dtype, options.json), (2, Dtype::F64, true));
        assert_eq!(options.shapes[0].name, "tn 1 2 3");
        assert_eq!(options.blas, [("open".to_owned(), "/a/b".to_owned())]);
        assert_eq!(options.picture, PictureFile::new("c.svg".into()).ok());
        let options = parse("gemm --set odd --lead 1024 --offset 4").unwrap();
        assert_eq!(options.set, Some(Set::Odd));
        assert_eq!(options.placement, Placement { lead: Some(1024), offset: Some(4) });
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
            ("gemm --set even", "expected mlp or odd"),
            ("gemm --set odd --shape 1x2x3", "instead of a --set"),
            ("gemm --lead 0", "--lead 0"),
            ("gemm --offset 4096", "--offset 4096"),
            ("gemm --offset 2", "--offset 2: elements of 4 bytes"),
            ("gemm --offset 4 --dtype f64", "--offset 4: elements of 8 bytes"),
            ("gemm --picture products.jpg", "--picture products.jpg: name a file that ends in .svg or .png"),
            ("step --picture steps.svg", "--picture is for gemm, not for step"),
            ("step --lead 4", "--lead is for gemm, not for step"),
            ("step --colour", "unknown option --colour"),
            ("step --window long", "--window long"),
            ("step --dtype f64", "--dtype is for gemm, not for step"),
            ("fit --phases", "--phases is for step, not for fit"),
            ("gemm --layers 4-2", "--layers is for step and fit, not for gemm"),
            ("step --batch 64", "--batch describes a net"),
            ("step --unfused", "--unfused describes a net"),
            ("fit --layers 4-2 --l2 much", "--l2 much"),
            ("step --phases --json", "--phases is a table"),
            ("step --layers 4-2 --phases --clip 1", "not with --clip or --unfused"),
            ("step --pause 5 --window 20", "--pause times single calls"),
            ("step --phases --pause 5", "--phases times parts"),
            ("step --phases --window 20", "--phases times parts"),
            ("fit --beside 2", "--beside is for gemm and step, not for fit"),
        ] {
            assert!(parse(line).unwrap_err().contains(word), "{line}");
        }
    }

    #[test]
    fn the_help_names_every_rule() {
        assert!(usage().contains("optimizer: sgd, momentum, nesterov, adam, adamw, momentum(MOMENTUM), "));
    }
}
