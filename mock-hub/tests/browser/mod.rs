//! A headless Chromium on the end of a pipe, driven by the DevTools protocol.
//!
//! By hand and not by a crate: `--remote-debugging-pipe` needs neither a port nor a WebSocket, and a page that is
//! clicked through needs a dozen calls. `chromiumoxide` and `headless_chrome` bring the whole protocol and, for
//! the second, a downloader; `fantoccini` and `thirtyfour` need a driver process beside the browser.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page; ends with the test.
pub(crate) struct Browser {
    child: Child,
    orders: ChildStdin,
    said: Receiver<Value>,
    folder: PathBuf,
    session: String,
    last_id: u64,
    /// What the page's console and its exceptions said.
    pub(crate) trouble: Vec<String>,
}

fn program() -> Option<&'static str> {
    let names = ["chromium-headless-shell", "chromium", "google-chrome"];
    names
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
}

impl Browser {
    /// Starts a browser; none, with the reason printed, if there is none here. With CI=true there has to be one.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = program() else {
            let must = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!must, "no browser. Fix: apt-get install chromium-headless-shell");
            eprintln!("skipped: chromium-headless-shell is not installed");
            return None;
        };
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mock-hub-browser-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // The protocol wants descriptors 3 and 4; std passes on 0 to 2 only, so a shell moves them.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#, "sh", program])
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let (tell, said) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|count| count > 0) {
                message.pop();
                let parsed = serde_json::from_slice(&message).unwrap_or(Value::Null);
                message.clear();
                if tell.send(parsed).is_err() {
                    return;
                }
            }
        });
        let mut browser =
            Self { child, orders, said, folder, session: String::new(), last_id: 0, trouble: Vec::new() };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        browser.session =
            browser.call("Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Gives an order and waits for its result.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut order = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            order["sessionId"] = self.session.clone().into();
        }
        self.orders.write_all(order.to_string().as_bytes()).unwrap();
        self.orders.write_all(&[0]).unwrap();
        loop {
            let said = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if said["id"] == id {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return said["result"].clone();
            }
            self.hear(&said);
        }
    }

    fn hear(&mut self, said: &Value) {
        let params = &said["params"];
        match said["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.trouble.push(params["exceptionDetails"].to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.trouble.push(params["entry"].to_string());
            }
            _ => {}
        }
    }

    /// The size of the window, and whether the user likes it dark.
    pub(crate) fn look(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media);
    }

    /// Opens an address and waits until its scripts have run.
    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        self.until(&format!("document.readyState === 'complete' && location.href === {}", json!(url)));
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true, looked at each time the page is drawn or changes.
    pub(crate) fn until(&mut self, condition: &str) {
        let patience = PATIENCE.as_millis() / 2;
        let script = format!(
            "new Promise(done => {{ const end = performance.now() + {patience}; const look = () => {{ \
             let is = false; try {{ is = Boolean({condition}); }} catch {{}} \
             if (is || performance.now() > end) done(is); else setTimeout(look, 10); }}; look(); }})"
        );
        // A navigation in between takes the promise with it: then it is asked anew.
        for _ in 0..20 {
            let params = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
            let result = self.call_loosely("Runtime.evaluate", params);
            match result["result"]["value"].as_bool() {
                Some(true) => return,
                Some(false) => break,
                None => {}
            }
        }
        let body = self.value("document.body.innerText");
        panic!("not so: {condition}\n{}\n{:?}", body.as_str().unwrap_or_default(), self.trouble);
    }

    /// Like `call`, but a failure is a result.
    fn call_loosely(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let order = json!({"id": id, "method": method, "params": params, "sessionId": self.session});
        self.orders.write_all(order.to_string().as_bytes()).unwrap();
        self.orders.write_all(&[0]).unwrap();
        loop {
            let said = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if said["id"] == id {
                return said["result"].clone();
            }
            self.hear(&said);
        }
    }

    /// Clicks an element as a user does, with the mouse; scrolls it into view first.
    pub(crate) fn click(&mut self, selector: &str) {
        let find = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + Math.min(r.width / 2, 60), r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let at = self.value(&find);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Types into an element.
    pub(crate) fn write(&mut self, selector: &str, text: &str) {
        self.value(&format!("document.querySelector({}).focus()", json!(selector)));
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Leaves a picture of the window.
    pub(crate) fn picture(&mut self, file: &Path) {
        use base64::Engine;
        self.value("scrollTo(0, 0)");
        self.until("document.getAnimations().length === 0");
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing by order lets it end its helpers; if it does not listen any more, it is ended.
        let order = json!({"id": self.last_id + 1, "method": "Browser.close"}).to_string();
        let told = self.orders.write_all(order.as_bytes()).and_then(|()| self.orders.write_all(&[0]));
        if told.is_err() {
            let _ = self.child.kill();
        } else {
            // Its end of the pipe closes when it is gone.
            while self.said.recv_timeout(Duration::from_secs(10)).is_ok() {}
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
