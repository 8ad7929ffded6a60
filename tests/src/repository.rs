//! The repository as a tree of files, for the tests that keep it tidy.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold no source of ours.
const NOT_SOURCE: [&str; 10] = [
    "target",
    ".git",
    "corpus",
    "artifacts",
    "coverage",
    "__pycache__",
    "deltarule-out",
    "node_modules",
    "venv",
    "vendor",
];

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Every file of the repository, as its path from the top, in order: those that git keeps, whatever else stands beside them (an environment of
/// Python's, the sources of other crates); all that are there, where there is no git.
///
/// # Panics
/// A folder cannot be read.
pub fn files() -> Vec<PathBuf> {
    let mut files = kept().unwrap_or_else(walked);
    files.sort();
    files
}

fn is_source(folder: &str) -> bool {
    !NOT_SOURCE.contains(&folder)
}

/// What git keeps, if it is there and keeps something. A file that is gone stays in its list until that is committed.
fn kept() -> Option<Vec<PathBuf>> {
    if !root().join(".git").exists() {
        return None;
    }
    let output = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output().ok()?;
    let names = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let mut kept: Vec<PathBuf> = names.split_terminator('\0').map(PathBuf::from).collect();
    kept.retain(|path| root().join(path).is_file() && path.iter().all(|part| part.to_str().is_some_and(is_source)));
    Some(kept).filter(|kept| !kept.is_empty())
}

/// What is found below the top.
fn walked() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if is_source(name) {
                    folders.push(path);
                }
            } else if let Ok(below) = path.strip_prefix(root()) {
                found.push(below.to_path_buf());
            }
        }
    }
    found
}

/// Files whose name ends so, with their text; a file that is not text is left out.
pub fn texts(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let wanted = |path: &PathBuf| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending));
    let read = |path: PathBuf| std::fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    files().into_iter().filter(wanted).filter_map(read).collect()
}
