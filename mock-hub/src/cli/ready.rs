//! The ready line: on stdout, and in a file that appears whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prints text and a line end, and flushes, since a parent process waits for it.
pub(super) fn print(line: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush());
    printed.map_err(|error| format!("cannot write to stdout: {error}"))
}

/// The ready file; dropping it removes the file.
pub(super) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes what an earlier run left, so that nobody takes it for this one.
    pub(super) fn clear(path: &Path) -> Result<(), String> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
            _ => Ok(()),
        }
    }

    /// Writes the line under another name first and renames, so that a reader never sees half of it.
    pub(super) fn write(path: &Path, line: &str) -> Result<Self, String> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(format!(".{}", std::process::id()));
        let unfinished = PathBuf::from(unfinished);
        let written =
            fs::write(&unfinished, format!("{line}\n")).and_then(|()| fs::rename(&unfinished, path));
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(failed(path, &error));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("cannot write the ready file {}: {error}", path.display())
}
