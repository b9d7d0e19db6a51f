//! Processes of the benchmark: the same program again in another role, ended with whoever started it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::alarm;

use super::{Failure, Outcome};

/// Makes this process end with the thread that started it, and after `limit` at the latest.
///
/// The kernel does both, so neither a panic nor a kill of the parent leaves anything running.
pub fn end_with_parent(limit: Duration) -> Outcome<()> {
    end_after(limit)?;
    set_pdeathsig(Signal::SIGKILL)?;
    Ok(())
}

/// Makes this process end after `limit` at the latest.
pub fn end_after(limit: Duration) -> Outcome<()> {
    alarm::set(u32::try_from(limit.as_secs())?.max(1));
    Ok(())
}

/// The role `exec`: turns this process into another program, which ends with its parent and after `limit`.
///
/// Both ends outlive the exec, which is why it is done. Returns only if it fails.
pub fn become_program(program: &str, arguments: &[String], limit: Duration) -> Failure {
    if let Err(error) = end_with_parent(limit) {
        return error;
    }
    format!("{program}: {}", Command::new(program).args(arguments).exec()).into()
}

/// A child process whose lines can be waited for; dropping it kills it.
pub struct Helper {
    child: Child,
    /// What keeps one waiting that reads its input.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Helper {
    /// Starts this program again with those arguments.
    pub fn again(arguments: &[&str]) -> Outcome<Self> {
        Self::start(Command::new(std::env::current_exe()?).args(arguments))
    }

    /// Starts another program by way of this one's role `exec`, so that it ends with this process.
    pub fn program(program: &Path, arguments: &[&str]) -> Outcome<Self> {
        Self::start(Command::new(std::env::current_exe()?).arg("exec").arg(program).args(arguments))
    }

    /// Starts a server: another program on the servers' core, which ends with this process.
    pub fn server(program: &Path, arguments: &[&str]) -> Outcome<Self> {
        Self::start(&mut Self::on_the_servers_core(program, arguments)?)
    }

    /// The same of one whose standard error is of no use.
    pub fn quiet_server(program: &Path, arguments: &[&str]) -> Outcome<Self> {
        Self::start(Self::on_the_servers_core(program, arguments)?.stderr(Stdio::null()))
    }

    fn on_the_servers_core(program: &Path, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("exec-server").arg(program).args(arguments);
        Ok(command)
    }

    /// Its process id, which the roles `exec` and `exec-server` keep.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Starts a client in another language on the clients' core, ended with this process and after `limit`.
    ///
    /// Its first line says when it began: "began NS" on the monotonic clock. Its input stays open until
    /// [`Helper::release`].
    pub fn client(command: &Command, limit: Duration) -> Outcome<Self> {
        let mut again = Command::new(std::env::current_exe()?);
        again.arg("exec-client").arg(limit.as_secs().to_string());
        again.arg(command.get_program()).args(command.get_args());
        again.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Self::piped(again.stdin(Stdio::piped()))
    }

    /// Starts a command with its output piped and no input; what it says on stderr is passed on.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        Self::piped(command.stdin(Stdio::null()))
    }

    fn piped(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the child has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    /// Closes its input, for which it waits.
    pub fn release(&mut self) {
        self.input = None;
    }

    /// The next line of its output, `None` once it has ended well; an error if it fails or says nothing within `limit`.
    pub fn line_or_end(&mut self, limit: Duration) -> Outcome<Option<String>> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Err(format!("no line within {} s", limit.as_secs()).into()),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.ended(limit)?;
                if status.success() { Ok(None) } else { Err(format!("failed: {status}").into()) }
            }
        }
    }

    /// The next line of its output; an error if it ends or says nothing within `limit`.
    pub fn line(&mut self, limit: Duration) -> Outcome<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(format!("no line within {} s", limit.as_secs()).into()),
            Err(RecvTimeoutError::Disconnected) => Err(format!("ended early: {}", self.ended(limit)?).into()),
        }
    }

    /// Its last line, once it has ended well; an error if it fails or outlives `limit`.
    pub fn last_line(mut self, limit: Duration) -> Outcome<String> {
        let end = Instant::now() + limit;
        let mut last = None;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => last = Some(line),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("not done within {} s", limit.as_secs()).into());
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.ended(end.saturating_duration_since(Instant::now()))?;
        if !status.success() {
            return Err(format!("failed: {status}").into());
        }
        last.ok_or_else(|| "said nothing".into())
    }

    /// How it ended. It has closed its output by now, which is not yet the end.
    fn ended(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err("closed its output and went on".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Both fail only for a child that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Helper {
        Helper::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn lines_come_in_order_and_the_last_one_needs_a_good_end() {
        let limit = Duration::from_secs(20);
        assert_eq!(shell("echo one; echo two").line(limit).unwrap(), "one");
        assert_eq!(shell("echo one; echo two").last_line(limit).unwrap(), "two");
        assert!(shell("echo one; exit 3").last_line(limit).is_err());
        assert!(shell("exit 0").last_line(limit).is_err());
    }

    #[test]
    fn a_silent_child_is_given_up_and_killed() {
        // One never says anything, the other cannot any more; both go on for ever.
        for script in ["exec sleep 100", "exec sleep 100 >/dev/null"] {
            let mut child = shell(script);
            let started = Instant::now();
            assert!(child.line(Duration::from_millis(50)).is_err());
            assert!(started.elapsed() < Duration::from_secs(20));
            let id = child.child.id();
            drop(child);
            assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
        }
    }
}
