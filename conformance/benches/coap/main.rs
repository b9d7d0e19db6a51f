//! What a post over plain CoAP costs a client: ours beside libcoap's client library and Python's aiocoap, interleaved, against
//! one hub on a core of its own. One post at a time (NSTART 1), so each is two system calls and a wake-up at the least.
//!
//! `cargo bench -p conformance --bench coap [-- --quick]`; needs gcc and libcoap3-dev, aiocoap comes from PyPI.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use conformance::bench::machine::{self, Core};
use conformance::bench::{Failure, Outcome, payload, process};
use enos_runtime::{Client, Login, Point};
use mock_hub::Hub;
use sha2::{Digest, Sha256};

const PATIENCE: Duration = Duration::from_secs(30);
const PRODUCT: &str = "Tq4zR9Lw";
const SECRET: &str = "u8Yp2QvKs0t1";
const AIOCOAP: &str = "aiocoap==0.4.17";
/// What this run of the program is told by the one that started it.
const ROLE: &str = "ENOS_BENCH_COAP_ROLE";

fn main() -> ExitCode {
    let done = match std::env::var(ROLE).ok().as_deref() {
        // Single tasks of the figures were asked for.
        None if std::env::args().any(|argument| argument == "--only") => Ok(()),
        None => measure(std::env::args().any(|argument| argument == "--quick")),
        Some("hub") => serve(),
        Some(order) => ours(order),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coap: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The hub, on the server's core, until the parent ends.
fn serve() -> Outcome<()> {
    process::end_with_parent(Duration::from_secs(600))?;
    machine::pin(Core::Server)?;
    let hub = Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start()?;
    println!("{}", hub.coap().port());
    loop {
        std::thread::park();
    }
}

/// Ours: `PORT COUNT WARM_UP`.
fn ours(order: &str) -> Outcome<()> {
    machine::pin(Core::Client)?;
    let numbers: Vec<u32> = order.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [port, count, warm_up] = numbers[..] else { return Err("an order has three numbers".into()) };
    let client = Client::builder(format!("coap://127.0.0.1:{port}"))
        .login(Login::device_secret(PRODUCT, "t-1", SECRET))
        .coap_rate_limit(0)
        .build()?;
    client.connect(PATIENCE)?;
    let post = || client.post_measurepoints(&[Point::new("temp", 21.5)]);
    for _ in 0..warm_up {
        post()?;
    }
    let (cpu, wall) = (machine::cpu_time()?, Instant::now());
    for _ in 0..count {
        post()?;
    }
    let (cpu, wall) = (machine::cpu_time()?.saturating_sub(cpu), wall.elapsed());
    let count = f64::from(count);
    println!("{:.2} {:.0}", cpu.as_secs_f64() * 1e6 / count, count / wall.as_secs_f64());
    Ok(())
}

fn measure(quick: bool) -> Outcome<()> {
    let (runs, count, warm_up) = if quick { (1, 200, 20) } else { (5, 5_000, 500) };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let libcoap = build_libcoap(folder)?;
    let python = python(folder)?;
    let program = std::env::current_exe()?;
    let mut hub = Command::new(&program).env(ROLE, "hub").stdout(std::process::Stdio::piped()).spawn()?;
    let mut port = String::new();
    let out = hub.stdout.take().ok_or("no output")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut port)?;
    let port = port.trim().to_owned();
    let names = ["ours", "libcoap 4.3", "aiocoap 0.4.17"];
    let mut figures: [Vec<(f64, f64)>; 3] = Default::default();
    let ran = (|| {
        for _ in 0..runs {
            for (at, found) in figures.iter_mut().enumerate() {
                let mut command = match at {
                    0 => {
                        let mut command = Command::new(&program);
                        command.env(ROLE, format!("{port} {count} {warm_up}"));
                        command
                    }
                    1 => stranger(Command::new("taskset"), &[&libcoap], &port, count, warm_up),
                    _ => {
                        let script =
                            Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/coap/aiocoap_client.py");
                        stranger(Command::new("taskset"), &[&python, &script], &port, count / 5, warm_up)
                    }
                };
                found.push(run(&mut command)?);
            }
        }
        Ok::<(), Failure>(())
    })();
    // Ended already if its parent's death was seen first.
    let _ = hub.kill();
    hub.wait()?;
    ran?;
    println!("| plain CoAP, one post at a time | CPU µs of a post | posts/s |\n|---|---|---|");
    for (name, found) in names.iter().zip(figures) {
        let (cpu, rate): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
        let ([c0, c, c1], [r0, r, r1]) = (spread(cpu), spread(rate));
        println!("| {name} | {c:.1} ({c0:.1}–{c1:.1}) | {r:.0} ({r0:.0}–{r1:.0}) |");
    }
    Ok(())
}

/// A stranger on the client's core: it signs in by itself and posts ready text.
fn stranger(mut command: Command, program: &[&PathBuf], port: &str, count: u32, warm_up: u32) -> Command {
    // As `machine::pin` chooses, on the machines of the project.
    let core = std::thread::available_parallelism().map_or(0, |cores| usize::from(cores.get() > 1));
    let content = format!("deviceKeyt-2lifetime3600productKey{PRODUCT}secureMode2u8Yp2QvKs0t2");
    let sign: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02X}")).collect();
    let time = payload::TIME_MS;
    command.args(["-c", &core.to_string()]).args(program).args([
        port,
        &format!("/auth/{PRODUCT}/t-2"),
        &format!(r#"{{"secureMode":2,"lifetime":3600,"sign":"{sign}"}}"#),
        &format!("/topic/sys/{PRODUCT}/t-2/thing/measurepoint/post"),
        &format!(
            r#"{{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":21.5}},"time":{time}}}}}"#
        ),
        &count.to_string(),
        &warm_up.to_string(),
    ]);
    command
}

fn run(command: &mut Command) -> Outcome<(f64, f64)> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures = said.trim().split_once(' ').filter(|_| output.status.success());
    let (cpu, rate) = figures.ok_or_else(|| {
        format!("{command:?}: {} {said} {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    Ok((cpu.parse()?, rate.parse()?))
}

fn build_libcoap(folder: &Path) -> Outcome<PathBuf> {
    let program = folder.join("bench-libcoap");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/coap/libcoap.c");
    let mut compiler = Command::new("gcc");
    compiler
        .args(["-O2", "-std=gnu99", "-Wall", "-Wextra", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-lcoap-3-notls");
    let output = compiler.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("gcc and the Debian package libcoap3-dev are needed: {said}").into());
    }
    Ok(program)
}

fn python(folder: &Path) -> Outcome<PathBuf> {
    let requirements = folder.join("aiocoap.txt");
    std::fs::write(&requirements, AIOCOAP)?;
    Ok(conformance::python::environment("bench-aiocoap", Some(&requirements))?)
}

/// Least, median and most.
fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}
