//! Writing a file whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Replaces `path` by `bytes` so that at every instant, whatever fails, the old file or the new one is there, whole.
///
/// The bytes go to a new file beside it, which is forced to the disk and then renamed; the folder is forced to the disk
/// last. On an error, no new file is left beside the old one, which is as it was: unless all was done but for the folder.
/// A symbolic link to a file is followed, one that leads nowhere is replaced; permissions of the old file are kept.
///
/// # Errors
/// Whatever the system says.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The file itself, not a link to it: a rename would replace the link.
    let path = &if_there(fs::canonicalize(path))?.unwrap_or_else(|| path.to_path_buf());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let sibling = Sibling::create(folder)?;
    sibling.write(bytes, path)?;
    sibling.become_file(path)?;
    sync_folder(folder)
}

/// What there is to know of a file that need not exist. Any other error ends the save: on a guess, a link would be replaced
/// or permissions lost.
fn if_there<R>(answer: io::Result<R>) -> io::Result<Option<R>> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// A new file that vanishes unless it becomes the one that is wanted.
struct Sibling {
    path: PathBuf,
    file: File,
}

impl Sibling {
    fn create(folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!(".deltarule-{}-{number}.tmp", std::process::id()));
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Left behind by a process of the same number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&self, bytes: &[u8], old: &Path) -> io::Result<()> {
        // First, so that at no time others can read what the old file kept from them.
        if let Some(metadata) = if_there(fs::metadata(old))? {
            self.file.set_permissions(metadata.permissions())?;
        }
        (&self.file).write_all(bytes)?;
        self.file.sync_all()
    }

    fn become_file(self, path: &Path) -> io::Result<()> {
        // If this fails, dropping `self` removes the sibling; if it succeeds, there is nothing left to remove.
        fs::rename(&self.path, path)
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Forces the folder's new entry to the disk, where folders can be opened.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
