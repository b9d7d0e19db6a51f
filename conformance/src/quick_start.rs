//! The quick start of a README, followed word by word as a new user would: in an empty folder, with the installed
//! packages only, and without a network.
//!
//! What is read is the section `## Quick start`. A code block right behind a line that is nothing but a file's name in
//! backticks and a colon is written to that file; the blocks in `sh` are the commands, run in order by one `bash -eu`.
//! The process lives in namespaces of its own (user, network, processes): it finds the printed ports free, reaches
//! nothing but its own loopback, and all that it left running ends with it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::peer::child::{Child, Silence};

/// What a README's quick start asks of its reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuickStart {
    /// Files to write: name and content.
    pub files: Vec<(String, String)>,
    /// Lines to type.
    pub commands: Vec<String>,
}

impl QuickStart {
    /// Reads the section of a README. An error names what is wrong with it.
    pub fn read(markdown: &str) -> Result<Self, String> {
        let (_, section) = markdown.split_once("\n## Quick start\n").ok_or("no section `## Quick start`")?;
        let section = section.split("\n## ").next().unwrap_or(section);
        let mut found = Self::default();
        let mut lines = section.lines();
        let mut file = None;
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                match (file.take(), language) {
                    (Some(name), _) => found.files.push((name, block.join("\n") + "\n")),
                    (None, "sh") => found.commands.extend(commands(&block)),
                    (None, other) => {
                        return Err(format!("a block in `{other}` that is no file and no command"));
                    }
                }
            } else if let Some(name) = line.strip_suffix("`:").and_then(|line| line.strip_prefix('`')) {
                file = Some(name.to_owned());
            } else if !line.trim().is_empty() {
                file = None;
            }
        }
        match (found.files.is_empty(), found.commands.is_empty()) {
            (false, false) => Ok(found),
            _ => Err("the quick start needs a file and a command".to_owned()),
        }
    }

    /// Lines that a user has to write: all of the programs but imports, comments, and what only opens or closes a
    /// block. Project files (`.toml`, `.xml`) are no programs.
    pub fn lines_of_code(&self) -> usize {
        let programs =
            self.files.iter().filter(|(name, _)| !name.ends_with(".toml") && !name.ends_with(".xml"));
        programs.flat_map(|(_, text)| text.lines()).filter(|line| is_code(line.trim())).count()
    }

    /// Follows it in that folder; `environment` says where the packages were installed. Gives the time it took.
    ///
    /// # Errors
    /// A command that failed, no last line `confirmed`, or `within` went by; with all that was printed.
    pub fn follow(
        &self,
        folder: &Path,
        environment: &[(String, OsString)],
        confirmed: &str,
        within: Duration,
    ) -> io::Result<Duration> {
        for (name, text) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, text)?;
        }
        let script = format!("ip link set lo up\n{}\n", self.commands.join("\n"));
        let begun = Instant::now();
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"])
            .args(["bash", "-eu", "-c", &script])
            .current_dir(folder)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut shell = Child::start("the quick start", &mut command)?;
        shell.end_input();
        let mut printed = Vec::new();
        loop {
            match shell.line(begun + within) {
                Ok(line) => {
                    let last = line == confirmed;
                    printed.push(line);
                    // What runs in the background keeps the output open: the line ends it, if the shell agrees.
                    if last {
                        break;
                    }
                }
                Err(silence) => {
                    let why = match silence {
                        Silence::Late => format!("nothing confirmed within {within:?}"),
                        Silence::Ended => "it ended unconfirmed".to_owned(),
                    };
                    let said = printed.join("\n");
                    return Err(io::Error::other(format!("{why}\n{said}\n{}", shell.errors())));
                }
            }
        }
        let took = begun.elapsed();
        match shell.ended(within) {
            Ok(true) => Ok(took),
            Ok(false) => Err(io::Error::other(format!("confirmed, then failed\n{}", shell.errors()))),
            Err(error) => Err(error),
        }
    }
}

/// The commands of a block: continued lines are one, comments none.
fn commands(block: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut open = false;
    for line in block {
        match all.last_mut() {
            Some(last) if open => last.extend(["\n", line]),
            _ if line.trim().is_empty() || line.trim_start().starts_with('#') => continue,
            _ => all.push((*line).to_owned()),
        }
        open = line.ends_with('\\');
    }
    all
}

fn is_code(line: &str) -> bool {
    let import =
        ["#include", "import ", "from ", "use ", "package "].iter().any(|word| line.starts_with(word));
    let comment = line.starts_with("//") || line.starts_with("/*") || line.starts_with("# ");
    !import && !comment && line.chars().any(|letter| letter.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Thing\n\n## Quick start\n\nSome words.\n\n`hello.py`:\n\n```python\nimport thing\n\n# says it\n\
        with thing:\n    print(1)\n```\n\n```sh\n# the hub\nhub &\ncc \\\n  -o x\n```\n\n## Next\n\n```sh\nno\n```\n";

    #[test]
    fn files_and_commands_are_read() {
        let found = QuickStart::read(README).unwrap();
        assert_eq!(found.files.len(), 1);
        assert_eq!(found.files[0].0, "hello.py");
        assert!(found.files[0].1.ends_with("print(1)\n"));
        assert_eq!(found.commands, ["hub &", "cc \\\n  -o x"]);
        assert_eq!(found.lines_of_code(), 2);
    }

    #[test]
    fn what_is_no_quick_start_is_named() {
        assert!(QuickStart::read("# Thing\n").unwrap_err().contains("Quick start"));
        assert!(QuickStart::read("\n## Quick start\n\nwords\n").unwrap_err().contains("needs a file"));
        assert!(QuickStart::read("\n## Quick start\n\n```c\nint x;\n```\n").unwrap_err().contains("`c`"));
    }
}
