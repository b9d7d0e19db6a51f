//! Debian's mosquitto as a peer of the hub, with the plugin of `benches/mosquitto`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::Outcome;
use crate::bench::process::Helper;
use crate::peer::scratch::Scratch;

const SOURCE: &str = include_str!("../../../benches/mosquitto/plugin.c");
const PLUGIN: &str = "bench-mosquitto.so";
const PATIENCE: Duration = Duration::from_secs(20);

/// Builds the plugin beside this program; the error says what is missing and how to get it.
pub fn prepare() -> Outcome<()> {
    program()?;
    let target = plugin()?;
    // Under another name first: a run beside this one may be loading it.
    let unfinished = target.with_extension(format!("{}.so", std::process::id()));
    let mut compiler = Command::new("gcc")
        .args(["-D_GNU_SOURCE", "-std=c99", "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o"])
        .arg(&unfinished)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("gcc: {error}. Fix: install the Debian package gcc"))?;
    compiler.stdin.take().ok_or("gcc takes no input")?.write_all(SOURCE.as_bytes())?;
    let output = compiler.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "the plugin does not compile: {}. Fix: install the Debian package mosquitto-dev",
            said.lines().next().unwrap_or_default()
        )
        .into());
    }
    std::fs::rename(&unfinished, &target)?;
    Ok(())
}

/// Starts a broker on the servers' core; gives its address once it accepts connections.
pub(super) fn start(files: &Scratch) -> Outcome<(Helper, SocketAddr)> {
    let (program, plugin) = (program()?, plugin()?);
    let log = files.path().join("mosquitto.log");
    for _ in 0..5 {
        // mosquitto cannot pick a port itself; somebody may be quicker.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let text = format!(
            "user root\nlog_dest file {}\nlog_type error\npersistence false\nsys_interval 0\nset_tcp_nodelay true\n\
             max_inflight_messages 0\nmax_queued_messages 0\nallow_anonymous false\n\
             listener {} 127.0.0.1\nplugin {}\n",
            log.display(),
            address.port(),
            plugin.display()
        );
        let file = files.write("mosquitto.conf", &text)?;
        // Quiet, or it warns of root each time; what it says later stands in the log.
        let mut process = Helper::quiet_server(&program, &["-c", &file.to_string_lossy()])?;
        let until = Instant::now() + PATIENCE;
        while !process.has_ended()? {
            if TcpStream::connect(address).is_ok() {
                return Ok((process, address));
            }
            if Instant::now() > until {
                return Err("mosquitto accepts no connection".into());
            }
            // It is silent: an end of its output is the only thing that this can hear.
            let _ = process.line(Duration::from_millis(5));
        }
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Err(format!("mosquitto ended at once, five times: {}", said.trim_end()).into())
}

fn program() -> Outcome<PathBuf> {
    let places = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"];
    let found = places.into_iter().map(Path::new).find(|path| path.exists());
    let why = "mosquitto is not installed. Fix: install the Debian packages mosquitto and mosquitto-dev";
    found.map(Path::to_owned).ok_or_else(|| why.into())
}

fn plugin() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(PLUGIN))
}
