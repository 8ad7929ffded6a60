//! A picture's file that the command line names, whose ending says what is written: known before there is anything to draw.

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

/// A file's name that does not say how the picture is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name a file that ends in .svg or .png: a picture is written as one of these")]
pub struct EndingError;

/// Where a picture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    path: PathBuf,
    form: Form,
}

impl PictureFile {
    /// A file of this name.
    ///
    /// # Errors
    /// The name ends neither in `.svg` nor in `.png`, in any case.
    pub fn new(path: PathBuf) -> Result<Self, EndingError> {
        let ending = path.extension().unwrap_or_default();
        let form = Form::ALL.into_iter().find(|form| ending.eq_ignore_ascii_case(form.ending())).ok_or(EndingError)?;
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
            assert_eq!(PictureFile::new(name.into()), Err(EndingError), "{name}");
        }
    }

    #[test]
    fn a_picture_that_cannot_be_written_names_its_file() {
        let place = tempfile::tempdir().expect("temporary folder");
        let file = PictureFile::new(place.path().join("nowhere/a.svg")).expect("a good name");
        let failure = file.write(&Scene::new(1.0, 1.0, "")).expect_err("no such folder");
        assert!(failure.status() == 1 && failure.to_string().contains("a.svg: "), "{failure}");
    }
}
