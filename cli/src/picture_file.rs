//! A picture's file that the command line names, whose ending says what is written: looked at before there is anything to draw, which may take minutes.

use std::path::PathBuf;

use deltarule::file::write_atomically;

use crate::failure::Failure;
use crate::picture::{PngError, Scene};

/// Pixels a point in PNG files: sharp on a dense screen.
const PIXELS_PER_POINT: f64 = 2.0;

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Marks and text.
    Svg,
    /// Pixels.
    Png,
}

impl Form {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Svg, Self::Png];

    /// What a file's name ends in, behind the dot.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// A picture in this form.
    pub(crate) fn bytes(self, scene: &Scene) -> Result<Vec<u8>, PngError> {
        match self {
            Self::Svg => Ok(scene.to_svg().into_bytes()),
            Self::Png => scene.to_png(PIXELS_PER_POINT),
        }
    }
}

/// Why a file cannot be one that a picture is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureFileError {
    /// Its name does not say how.
    #[error("name a file that ends in .svg or .png: a picture is written as one of these")]
    Ending,
    /// It would be in a folder that is not there.
    #[error("there is no such folder; make it first, or name another")]
    NoFolder,
    /// There is a folder of its name.
    #[error("this is a folder; name a file")]
    IsFolder,
}

/// Where a picture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    path: PathBuf,
    form: Form,
}

impl PictureFile {
    /// A file of this name, in a folder that is there.
    ///
    /// # Errors
    /// The name ends neither in `.svg` nor in `.png`, in any case, or no file can have it.
    pub fn new(path: PathBuf) -> Result<Self, PictureFileError> {
        let ending = path.extension().unwrap_or_default();
        let form = Form::ALL.into_iter().find(|form| ending.eq_ignore_ascii_case(form.ending()));
        let form = form.ok_or(PictureFileError::Ending)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(PictureFileError::NoFolder);
        }
        if path.is_dir() {
            return Err(PictureFileError::IsFolder);
        }
        Ok(Self { path, form })
    }

    /// Writes a picture, whole or not at all.
    ///
    /// # Errors
    /// The picture cannot be painted, or the file not written.
    pub fn write(&self, scene: &Scene) -> Result<(), Failure> {
        write_atomically(&self.path, &self.form.bytes(scene)?).map_err(Failure::file(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_ending_of_a_picture_says_what_is_written() {
        let place = tempfile::tempdir().expect("temporary folder");
        let scene = Scene::new(10.0, 10.0, "nothing");
        for (name, start) in [("a.svg", &b"<svg "[..]), ("a.b.png", b"\x89PNG"), ("B.PNG", b"\x89PNG")] {
            let path = place.path().join(name);
            PictureFile::new(path.clone()).expect(name).write(&scene).expect(name);
            assert!(fs::read(&path).expect(name).starts_with(start), "{name}");
        }
        for name in ["a", "a.jpg", "svg", ".svg", "a.svg.gz", "", "a.svg/.."] {
            assert_eq!(PictureFile::new(name.into()), Err(PictureFileError::Ending), "{name}");
        }
        fs::create_dir(place.path().join("folder.svg")).expect("a temporary folder");
        for (name, error) in [
            ("folder.svg", PictureFileError::IsFolder),
            ("nowhere/a.svg", PictureFileError::NoFolder),
            ("a.svg/a.svg", PictureFileError::NoFolder),
        ] {
            assert_eq!(PictureFile::new(place.path().join(name)), Err(error), "{name}");
        }
    }

    #[test]
    fn a_picture_that_cannot_be_written_names_its_file() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = place.path().join("folder");
        fs::create_dir(&folder).expect("a temporary folder");
        let file = PictureFile::new(folder.join("a.svg")).expect("a good name");
        fs::remove_dir(&folder).expect("it is empty");
        let failure = file.write(&Scene::new(1.0, 1.0, "")).expect_err("no such folder");
        assert!(failure.status() == 1 && failure.to_string().contains("a.svg: "), "{failure}");
    }
}
