//! The folder of results, which is one run's at a time.
//!
//! Of two runs in one folder, each would replace the other's checkpoint, and leave a report beside a model that is not its own. So a run keeps a
//! lock on a file in there. The system gives it up however the run ends. The file stays: were it removed, one run could lock it while another
//! makes a new one of its name, and both would go on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use deltarule::file::remove_leftovers;

use crate::data::Source;
use crate::failure::Failure;

/// The file that is locked. There is nothing in it.
const LOCK: &str = ".deltarule.lock";

/// Files of unfinished saves are left alone for so long: `predict`, `fold` and programs that use the library write into a folder without its lock.
const MAY_BE_UNDER_WAY: Duration = Duration::from_secs(60 * 60);

/// A folder that no other run writes into until this is dropped.
#[derive(Debug)]
#[must_use = "the folder is free again once this is dropped"]
pub(crate) struct OutFolder {
    _lock: File,
}

impl OutFolder {
    /// Makes the folder, with those above it, takes it for this run, and removes what saves left there that were killed. On a file system without
    /// locks it is taken all the same.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        make(path)?;
        let name = path.join(LOCK);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&name);
        let lock = opened.map_err(Failure::file(&name))?;
        match lock.try_lock() {
            Ok(()) => remove_leftovers(path, MAY_BE_UNDER_WAY).map_err(Failure::file(path))?,
            Err(TryLockError::WouldBlock) => {
                let what = "another run is writing into this folder; name another one, or wait until that has ended";
                return Err(Failure::Misuse(format!("--out {}: {what}", path.display())));
            }
            // That a system has no locks, each says in its own way.
            Err(TryLockError::Error(_)) => {}
        }
        Ok(Self { _lock: lock })
    }
}

/// Refuses data that is read from one of these files of the folder, which a run is about to write.
pub(crate) fn refuse_to_replace_data(folder: &Path, data: &str, names: &[&str]) -> Result<(), Failure> {
    let source = Source::parse(data)?;
    // What is not there yet is nobody's.
    let there = names.iter().map(|name| folder.join(name)).filter_map(|path| Some((path.canonicalize().ok()?, path)));
    match there.into_iter().find(|(place, _)| source.is_read_from(place)) {
        Some((_, path)) => Err(Failure::Misuse(format!(
            "--out {}: {} is a file of the data, which the results would replace; name another folder",
            folder.display(),
            path.display()
        ))),
        None => Ok(()),
    }
}

fn make(path: &Path) -> Result<(), Failure> {
    // Asked once: what fails between two questions would make a file of a folder.
    if fs::metadata(path).is_ok_and(|what| !what.is_dir()) {
        return Err(Failure::Misuse(format!("--out {}: this is a file; name a folder", path.display())));
    }
    // Where nothing is, a link is in the way of a new folder all the same.
    if fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
        && let Ok(target) = fs::read_link(path)
    {
        let target = path.parent().map_or(target.clone(), |folder| folder.join(&target));
        let what = format!("this is a link to {}, where no folder is", target.display());
        return Err(Failure::Misuse(format!("--out {}: {what}; make one there, or name another", path.display())));
    }
    fs::create_dir_all(path).map_err(Failure::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_folder_is_of_one_run_at_a_time() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [out, other] = ["a/out", "a/other"].map(|name| place.path().join(name));
        let first = OutFolder::take(&out).expect("a new folder");
        let refused = OutFolder::take(&out).expect_err("the folder of another");
        let said = refused.to_string();
        assert!(refused.status() == 2 && said.starts_with(&format!("--out {}: another run", out.display())), "{said}");
        drop(OutFolder::take(&other).expect("another folder"));
        drop(first);
        drop(OutFolder::take(&out).expect("free again"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_told_of() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [link, folder] = ["link", "folder"].map(|name| place.path().join(name));
        std::os::unix::fs::symlink(&folder, &link).expect("a link");
        let refused = OutFolder::take(&link).expect_err("there is no folder");
        let words = format!("this is a link to {}, where no folder is; make one there", folder.display());
        assert!(refused.status() == 2 && refused.to_string().contains(&words), "{refused}");
        fs::create_dir(&folder).expect("a folder");
        drop(OutFolder::take(&link).expect("a link to a folder"));
    }

    #[test]
    fn what_killed_saves_left_is_removed_by_whose_the_folder_is() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [old, young] = [".deltarule-12-345.tmp", ".deltarule-12-346.tmp"].map(|name| place.path().join(name));
        for path in [&old, &young] {
            fs::write(path, "half a mod").expect("temporary file");
        }
        let held = OutFolder::take(place.path()).expect("a folder");
        let then = SystemTime::now() - 2 * MAY_BE_UNDER_WAY;
        let file = File::options().write(true).open(&old).expect("just written");
        file.set_modified(then).expect("a time in the past");
        OutFolder::take(place.path()).expect_err("the folder of another");
        assert!(old.exists() && young.exists());
        drop(held);
        drop(OutFolder::take(place.path()).expect("free again"));
        assert!(!old.exists() && young.exists());
    }
}
