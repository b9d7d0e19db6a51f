//! Files that only their owner reads, replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The file's bytes; `None` if there is no file. More than `limit` bytes is an error.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than it may be"));
    }
    Ok(Some(bytes))
}

/// Writes a file that only its owner can read, in place of an earlier one.
///
/// The bytes reach the disk under another name before the file gets its own, and the folder's entry reaches the
/// disk before this returns: a power cut leaves the old file or the new one.
pub(crate) fn replace_owner_only(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folders(folder)?;
    let unfinished = Unfinished(name_beside(path));
    let mut file = owner_only().write(true).create_new(true).open(&unfinished.0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&unfinished.0, path)?;
    sync_folder(folder)
}

/// Removes a file that did not come to its end; after the rename there is nothing left to remove.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A name in the same folder that no other thread or process uses.
fn name_beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{}-{number}.new", std::process::id()))
}

/// Makes the folder and those above it; each new one's entry reaches the disk.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folders(above)?;
        make_folder(folder)?;
        return sync_folder(above);
    }
    make_folder(folder)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

fn owner_only() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder's entries last. Only Unix can open a folder to do so; elsewhere the rename is all there is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether group or others may read the file; false where that cannot be told.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    if let Ok(data) = fs::metadata(path) {
        return std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o077 != 0;
    }
    let _ = path;
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test alone, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("enos-files-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners() {
        let folder = Folder::new("replace");
        let path = folder.0.join("a/b");
        assert!(read_bounded(&path, 10).unwrap().is_none());
        for text in ["one", "two"] {
            replace_owner_only(&path, text.as_bytes()).unwrap();
            assert_eq!(read_bounded(&path, 3).unwrap().unwrap(), text.as_bytes());
        }
        assert!(read_bounded(&path, 2).is_err());
        let names: Vec<_> = fs::read_dir(folder.0.join("a")).unwrap().collect();
        assert_eq!(names.len(), 1, "no unfinished file may stay");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(folder.0.join("a")).unwrap().permissions().mode() & 0o777, 0o700);
            assert!(!readable_by_others(&path));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(readable_by_others(&path));
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = Folder::new("fail");
        let path = folder.0.join("kept");
        replace_owner_only(&path, b"old").unwrap();
        // A folder where the file should be: the rename fails.
        let blocked = folder.0.join("folder");
        fs::create_dir_all(blocked.join("full")).unwrap();
        assert!(replace_owner_only(&blocked, b"new").is_err());
        assert!(replace_owner_only(&path.join("below-a-file"), b"new").is_err());
        assert_eq!(read_bounded(&path, 3).unwrap().unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
    }
}
