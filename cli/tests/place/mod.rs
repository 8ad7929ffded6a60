//! The program in a folder of its own, for tests of it from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for each test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("temporary file");
    }

    /// The program on the tier that the tests are run on: `DELTARULE_ISA` is left as it is.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deltarule"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Standard output of a run that must succeed.
    pub(crate) fn good(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    /// Standard error of a run that must end with `status`.
    pub(crate) fn bad(&self, arguments: &str, status: i32) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments}: {errors}");
        assert!(errors.starts_with("error: "), "{arguments}: {errors}");
        errors
    }
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Two clouds of points that a line divides.
pub(crate) fn clouds() -> String {
    let mut text = "x,y,side\n".to_string();
    for index in 0..60 {
        let (x, y) = (f64::from(index % 10) / 10.0, f64::from(index / 10) / 10.0);
        text += &format!("{x},{y},{}\n", if x + y > 0.65 { "right" } else { "left" });
    }
    text
}
