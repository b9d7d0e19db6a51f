//! The machine underneath: pinning to a core, CPU time and memory of this process, and the facts to print.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::Outcome;

/// Which of the allowed cores a process is pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The first allowed core: servers.
    Server,
    /// The second allowed core, or the only one: clients.
    Client,
}

/// Pins this process, with all threads it starts later, to one core.
///
/// Call it before the first thread is started. A machine with one core pins everything to it.
pub fn pin(core: Core) -> Outcome<()> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut cores = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    let first = cores.next().ok_or("no core is allowed to this process")?;
    let chosen = match core {
        Core::Server => first,
        Core::Client => cores.next().unwrap_or(first),
    };
    let mut set = CpuSet::new();
    set.set(chosen)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// User and system time that this process has used so far, in all its threads.
pub fn cpu_time() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// The same of another process, which is read from its CPU clock: getrusage tells of children only when they end.
pub fn cpu_time_of(process: u32) -> Outcome<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process)?))?;
    Ok(Duration::from_nanos(u64::try_from(clock_gettime(clock)?.num_nanoseconds())?))
}

/// CPU time of the calling thread in nanoseconds: finer than [`cpu_time`], and a system call each.
pub fn thread_cpu_ns() -> Outcome<u64> {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(u64::try_from(spent.num_nanoseconds())?)
}

/// The monotonic clock, which all processes of the machine share, in nanoseconds.
pub fn monotonic_ns() -> Outcome<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(u64::try_from(now.num_nanoseconds())?)
}

/// Memory of this process that is resident now, in kB.
pub fn resident_kb() -> Outcome<f64> {
    status("self", "VmRSS:")
}

/// The same of another process.
pub fn resident_kb_of(process: u32) -> Outcome<f64> {
    status(&process.to_string(), "VmRSS:")
}

/// The largest memory of this process that ever was resident, in kB.
pub fn peak_resident_kb() -> Outcome<f64> {
    status("self", "VmHWM:")
}

/// Threads of this process.
pub fn threads() -> Outcome<f64> {
    status("self", "Threads:")
}

/// What was measured on: processor, cores, kernel, compiler, load, and versions of the packages named.
pub fn facts(packages: &[&str]) -> Value {
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned());
    let compiler = std::process::Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned());
    let versions: serde_json::Map<String, Value> =
        packages.iter().map(|name| ((*name).to_owned(), json!(locked_version(name)))).collect();
    json!({
        "cpu": processor,
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load": read("/proc/loadavg").split(' ').next().unwrap_or("unknown"),
        "rustc": compiler,
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        "packages": versions,
    })
}

/// The version that the lock file of this build names for a package; several are joined by a comma.
fn locked_version(package: &str) -> String {
    const LOCK: &str = include_str!("../../../Cargo.lock");
    let mut found = Vec::new();
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        if field(line, "name") == Some(package)
            && let Some(version) = lines.next().and_then(|line| field(line, "version"))
        {
            found.push(version);
        }
    }
    found.join(", ")
}

fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

/// Raises the limit on open files to `files` if it is lower; an error if the system forbids it.
pub fn allow_sockets(files: u64) -> Outcome<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < files {
        setrlimit(Resource::RLIMIT_NOFILE, files, hard.max(files))?;
    }
    Ok(())
}

fn status(process: &str, key: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next())
        .ok_or_else(|| format!("/proc/{process}/status has no {key}"))?;
    Ok(value.parse()?)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_name_the_locked_peers() {
        let facts = facts(&["rumqttc", "no-such-package"]);
        assert_eq!(facts["packages"]["rumqttc"], "0.25.1");
        assert_eq!(facts["packages"]["no-such-package"], "");
        assert!(facts["cores"].as_u64().unwrap() >= 1);
    }

    #[test]
    fn this_process_uses_memory_threads_and_time() {
        let before = cpu_time().unwrap();
        let start = monotonic_ns().unwrap();
        let kept: Vec<u8> = vec![7; 1 << 20];
        while cpu_time().unwrap() == before {
            assert!(monotonic_ns().unwrap() - start < 5_000_000_000, "no CPU time counted in 5 s");
        }
        assert!(resident_kb().unwrap() >= kept.len() as f64 / 1024.0);
        let this = std::process::id();
        assert!(cpu_time_of(this).unwrap() > Duration::ZERO);
        assert!(resident_kb_of(this).unwrap() >= kept.len() as f64 / 1024.0);
        assert!(peak_resident_kb().unwrap() >= kept.len() as f64 / 1024.0);
        assert!(threads().unwrap() >= 1.0);
    }
}
