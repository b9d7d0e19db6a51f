//! The hub in a process of its own: this same binary, started as `mock-hub serve` on free ports.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The first argument that makes this binary the hub.
pub(crate) const AS_HUB: &str = "--as-hub";

/// A running hub; it ends with this value.
pub(crate) struct Hub {
    process: Child,
    ready: Value,
    keep: bool,
}

impl Hub {
    /// Starts it with the demo's seed and waits for its ready line.
    pub(crate) fn start(seed: &Path, keep: bool) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([AS_HUB, "serve", "--memory"])
            .args(["--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--coap", "127.0.0.1:0"])
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .arg("--seed")
            .arg(seed)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the hub has no stdout")?;
        let mut line = String::new();
        // Ends with the ready line, or with the process.
        BufReader::new(stdout).read_line(&mut line)?;
        let ready = serde_json::from_str(&line).unwrap_or(Value::Null);
        let hub = Self { process, ready, keep };
        if hub.ready["ready"] != true {
            return Err(format!("the hub did not become ready; it said: {line:?}").into());
        }
        Ok(hub)
    }

    fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_default()
    }

    pub(crate) fn tcp_url(&self) -> String {
        format!("tcp://{}", self.text("mqtt"))
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("ssl://{}", self.text("mqtts"))
    }

    pub(crate) fn http(&self) -> &str {
        self.text("http")
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.text("ca_pem")
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if !self.keep {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
