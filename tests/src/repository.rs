//! The repository as a tree of files, for the tests that keep it tidy.

use std::path::{Path, PathBuf};

/// Folders that hold no source.
const NOT_SOURCE: [&str; 8] =
    ["target", ".git", "corpus", "artifacts", "coverage", "__pycache__", "deltarule-out", "node_modules"];

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Every file below the top, as its path from there, in order.
///
/// # Panics
/// A folder cannot be read.
pub fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !NOT_SOURCE.contains(&name) {
                    folders.push(path);
                }
            } else if let Ok(below) = path.strip_prefix(root()) {
                found.push(below.to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// Files whose name ends so, with their text; a file that is not text is left out.
pub fn texts(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let wanted = |path: &PathBuf| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending));
    let read = |path: PathBuf| std::fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    files().into_iter().filter(wanted).filter_map(read).collect()
}
