//! What `--data` may name, and the way from the name to the loader.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{Builtin, CsvOptions, DataError, Dataset, Header, Target, TargetColumn, idx, npy, read_csv};

/// Where Debian's package `dataset-fashion-mnist` puts its files.
const FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";

/// The classes of Fashion-MNIST, in the order of their labels.
const FASHION_CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// What `--data` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A set inside the program.
    Builtin(Builtin),
    /// Fashion-MNIST, installed on the system.
    FashionMnist,
    /// A folder of IDX files.
    IdxFolder(PathBuf),
    /// A file of images in IDX, without labels.
    IdxImages(PathBuf),
    /// Features and, unless there are none, targets.
    Npy(PathBuf, Option<PathBuf>),
    /// A text table, perhaps gzipped.
    Csv(PathBuf),
}

impl Source {
    /// Reads the argument of `--data`: the name of a set, a folder, `x.npy,y.npy`, or a file.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        if let Some(set) = Builtin::by_name(text) {
            return Ok(Self::Builtin(set));
        }
        if text == "fashion-mnist" {
            return Ok(Self::FashionMnist);
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::IdxFolder(path.into()));
        }
        let is_npy = |path: &str| path.ends_with(".npy");
        // A folder may have a comma in its name.
        let pairs = text.match_indices(',').map(|(comma, _)| (&text[..comma], &text[comma + 1..]));
        if let Some((x, y)) = pairs.into_iter().find(|(x, y)| is_npy(x) && is_npy(y)) {
            return Ok(Self::Npy(x.into(), Some(y.into())));
        }
        if is_npy(text) {
            return Ok(Self::Npy(path.into(), None));
        }
        if path.exists() && idx::is_named_as_idx(text) {
            return Ok(Self::IdxImages(path.into()));
        }
        if path.exists() {
            return Ok(Self::Csv(path.into()));
        }
        Err(DataError::Usage(format!(
            "--data {text}: there is no such file or folder, and no data set of that name \
             (digits, breast-cancer, diabetes, fashion-mnist)"
        )))
    }
}

impl Source {
    /// Whether this file, by its canonical path, is one that the data is read from.
    pub(crate) fn is_read_from(&self, file: &Path) -> bool {
        let is = |path: &Path| path.canonicalize().is_ok_and(|path| path == file);
        match self {
            Self::Builtin(_) | Self::FashionMnist => false,
            Self::IdxFolder(folder) => {
                let is_within = folder.canonicalize().is_ok_and(|folder| file.parent() == Some(&folder));
                is_within && idx::is_named_as_idx(&file.to_string_lossy())
            }
            Self::IdxImages(path) | Self::Csv(path) => is(path),
            Self::Npy(x, y) => is(x) || y.as_deref().is_some_and(is),
        }
    }
}

/// Loads what `source` names. The options are for CSV; an absent target is heeded of arrays and images too, and `task` of the former.
/// A target that never changes is only good for a model that there is.
pub fn load(source: &Source, options: &CsvOptions) -> Result<Dataset, DataError> {
    let data = read(source, options)?;
    if !options.is_for_model {
        data.refuse_a_constant_target()?;
    }
    Ok(data)
}

fn read(source: &Source, options: &CsvOptions) -> Result<Dataset, DataError> {
    if !matches!(source, Source::Csv(_)) {
        refuse_csv_options(options)?;
    }
    let wants_target = options.target.is_wanted();
    let without = |path: &Path, what: &str| Err(DataError::Usage(format!("{}: {what}", path.display())));
    match source {
        Source::Builtin(set) => set.load(),
        Source::FashionMnist => fashion_mnist(wants_target),
        Source::IdxFolder(folder) => idx::load_folder(&folder.display().to_string(), folder, wants_target),
        Source::IdxImages(path) if wants_target => {
            without(path, "one IDX file has no targets beside it; give the folder of images and labels: --data FOLDER")
        }
        Source::IdxImages(path) => idx::load_images(path),
        Source::Npy(x, None) if wants_target => {
            without(x, "the targets are missing; give both files: --data x.npy,y.npy")
        }
        Source::Npy(x, y) => {
            npy::load_pair(x, y.as_deref().filter(|_| wants_target), options.task, &options.known_classes)
        }
        Source::Csv(path) => csv_file(path, options),
    }
}

/// Options that only a CSV can heed are a mistake with anything else.
fn refuse_csv_options(options: &CsvOptions) -> Result<(), DataError> {
    let given = [
        ("--target", matches!(options.target, TargetColumn::Given(_) | TargetColumn::Dropped(_))),
        ("--drop", !options.drop.is_empty()),
        ("--keep", !options.keep.is_empty()),
        ("--header or --no-header", options.header != Header::Detect),
        ("--delimiter", options.delimiter.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(DataError::Usage(format!("{name} is for CSV files, which this --data is not"))),
    }
}

fn csv_file(path: &Path, options: &CsvOptions) -> Result<Dataset, DataError> {
    let file = File::open(path).map_err(|source| DataError::Io { path: path.into(), source })?;
    let name = path.display().to_string();
    let zipped = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    read_csv(&name, reader, options)
}

fn fashion_mnist(wants_labels: bool) -> Result<Dataset, DataError> {
    let folder = Path::new(FASHION_MNIST);
    if !folder.is_dir() {
        return Err(DataError::whole(
            "fashion-mnist",
            format!(
                "there is no {FASHION_MNIST}. On Debian and Ubuntu: apt install dataset-fashion-mnist. Elsewhere: put \
                 the four files of github.com/zalandoresearch/fashion-mnist into a folder and give --data FOLDER"
            ),
        ));
    }
    let mut data = idx::load_folder("fashion-mnist", folder, wants_labels)?;
    if let Target::Classes { names, .. } = &mut data.target
        && names.len() == FASHION_CLASSES.len()
    {
        *names = FASHION_CLASSES.map(String::from).to_vec();
    }
    Ok(data)
}
