//! Writing a file whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Replaces `path` by `bytes` so that at every instant, whatever fails, the old file or the new one is there, whole.
///
/// The bytes go to a new file beside it, which is forced to the disk and then renamed; the folder is forced to the disk
/// last. On an error, no new file is left beside the old one, which is as it was: unless all was done but for the folder.
/// A symbolic link to a file is followed, one that leads nowhere is replaced; permissions of the old file are kept.
///
/// # Errors
/// Where `path` is there and no regular file (a folder, a pipe, a device such as `/dev/null`): it would be gone. Else
/// whatever the system says.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The file itself, not a link to it: a rename would replace the link.
    let path = &if_there(fs::canonicalize(path))?.unwrap_or_else(|| path.to_path_buf());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let old = if_there(fs::metadata(path))?;
    old.as_ref().map_or(Ok(()), check_replaceable)?;
    let mut sibling = Sibling::create(folder)?;
    sibling.write(bytes, old.as_ref())?;
    sibling.become_file(path)?;
    sync_folder(folder)
}

/// Removes from a folder the new files of saves that were killed before they renamed them: files as [`write_atomically`] makes beside the old
/// one, into which nothing was written for this `age`. Of a younger one the save may be under way, in this program or another.
///
/// # Errors
/// The folder cannot be read. A file that the system does not remove is left.
pub fn remove_leftovers(folder: &Path, age: Duration) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_siblings_name(&entry.file_name()) && is_file_of_age(&entry, age) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn is_file_of_age(entry: &DirEntry, age: Duration) -> bool {
    let Ok(metadata) = entry.metadata() else { return false };
    let since = metadata.modified().ok().and_then(|written| written.elapsed().ok());
    metadata.is_file() && since.is_some_and(|since| since >= age)
}

/// A rename puts the new file in the place of whatever is there, with rights enough even of a device that others use.
fn check_replaceable(old: &Metadata) -> io::Result<()> {
    if old.is_file() {
        return Ok(());
    }
    let advice = match old.is_dir() {
        true => "it is a folder; name a file in it",
        false => "it is not a regular file but a pipe, a socket or a device; name a regular file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, advice))
}

/// What there is to know of a file that need not exist. Any other error ends the save: on a guess, a link would be replaced
/// or permissions lost.
fn if_there<R>(answer: io::Result<R>) -> io::Result<Option<R>> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// What a new file is called until it is renamed.
fn siblings_name(process: u32, random: u64) -> String {
    format!(".deltarule-{process}-{random}.tmp")
}

/// Whether it is a name of that form, to the letter.
fn is_siblings_name(name: &OsStr) -> bool {
    let numbers =
        name.to_str().and_then(|name| name.strip_prefix(".deltarule-")?.strip_suffix(".tmp")?.split_once('-'));
    let Some((process, random)) = numbers else { return false };
    let (Ok(process), Ok(random)) = (process.parse(), random.parse()) else { return false };
    name == OsStr::new(&siblings_name(process, random))
}

/// A new file that vanishes unless it becomes the one that is wanted.
struct Sibling {
    path: PathBuf,
    file: File,
    /// Whether `path` is still its name.
    is_beside: bool,
}

impl Sibling {
    fn create(folder: &Path) -> io::Result<Self> {
        loop {
            // Processes in two containers may have one number and one folder, so the number alone tells nobody apart.
            let random = RandomState::new().hash_one(0);
            let path = folder.join(siblings_name(std::process::id(), random));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file, is_beside: true }),
                // Another's, however unlikely: it is left alone.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&self, bytes: &[u8], old: Option<&Metadata>) -> io::Result<()> {
        // First, so that at no time others can read what the old file kept from them.
        if let Some(old) = old {
            self.file.set_permissions(old.permissions())?;
        }
        (&self.file).write_all(bytes)?;
        self.file.sync_all()
    }

    fn become_file(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        // The name is free, and whatever bears it from now on is not ours to remove.
        self.is_beside = false;
        Ok(())
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        if self.is_beside {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Forces the folder's new entry to the disk, where folders can be opened.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("deltarule-atomic-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        path
    }

    /// As another process of the same number may take the name once it is free.
    #[test]
    fn a_name_that_was_given_up_is_left_to_others() {
        let folder = folder("given-up");
        let mut sibling = Sibling::create(&folder).expect("a file");
        sibling.write(b"ours", None).expect("written");
        sibling.become_file(&folder.join("file")).expect("renamed");
        let name = sibling.path.clone();
        fs::write(&name, b"another's").expect("a file");
        drop(sibling);
        assert_eq!(fs::read(&name).expect("still there"), b"another's");
        assert_eq!(fs::read(folder.join("file")).expect("the file"), b"ours");
        fs::remove_dir_all(&folder).expect("a temporary folder");
    }

    #[test]
    fn a_rename_that_fails_leaves_no_sibling() {
        let folder = folder("fails");
        let inside = folder.join("in the way/inside");
        fs::create_dir_all(&inside).expect("folders");
        let mut sibling = Sibling::create(&folder).expect("a file");
        sibling.become_file(&folder.join("in the way")).expect_err("a folder that is not empty");
        let name = sibling.path.clone();
        assert!(name.exists());
        drop(sibling);
        assert!(!name.exists() && inside.exists());
        fs::remove_dir_all(&folder).expect("a temporary folder");
    }

    #[test]
    fn only_what_saves_leave_is_removed_and_not_too_early() {
        let folder = folder("leftovers");
        let leftovers = [".deltarule-1-0.tmp", ".deltarule-4294967295-18446744073709551615.tmp"];
        let others = [
            ".deltarule.lock",
            "deltarule-1-2.tmp",
            ".deltarule-1-2.tmp~",
            ".deltarule-1.tmp",
            ".deltarule-01-2.tmp",
            ".deltarule-1-+2.tmp",
            ".deltarule-1-2-3.tmp",
            ".deltarule-4294967296-2.tmp",
            ".deltarule-a-2.tmp",
        ];
        leftovers.iter().chain(&others).for_each(|name| fs::write(folder.join(name), b"half").expect("a file"));
        let of_a_folder = folder.join(".deltarule-5-6.tmp");
        fs::create_dir_all(&of_a_folder).expect("a folder");
        remove_leftovers(&folder, Duration::from_secs(3600)).expect("a folder that can be read");
        assert!(leftovers.iter().chain(&others).all(|name| folder.join(name).exists()));
        remove_leftovers(&folder, Duration::ZERO).expect("a folder that can be read");
        assert!(!leftovers.iter().any(|name| folder.join(name).exists()));
        assert!(others.iter().all(|name| folder.join(name).exists()) && of_a_folder.exists());
        remove_leftovers(&folder.join("nowhere"), Duration::ZERO).expect_err("no folder");
        fs::remove_dir_all(&folder).expect("a temporary folder");
    }

    /// The number of the process is in all of them, and in those of another container's process, too.
    #[test]
    fn names_differ_by_more_than_a_count() {
        let folder = folder("names");
        let numbers = [0; 3].map(|_| {
            let name = Sibling::create(&folder).expect("a file").path.display().to_string();
            let number = name.trim_end_matches(".tmp").rsplit('-').next().and_then(|digits| digits.parse::<u64>().ok());
            number.expect("digits")
        });
        // A count would begin small; three of 64 random bits do once in 2^132.
        assert!(numbers.iter().any(|&number| number > 1 << 20), "{numbers:?}");
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2], "{numbers:?}");
        fs::remove_dir_all(&folder).expect("a temporary folder");
    }
}
