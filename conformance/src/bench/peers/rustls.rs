//! Bare rustls: the cost of TLS itself, with the smallest MQTT sign-in on top.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::bench::mqtt::{self, kind};
use crate::bench::plan::{Order, Task};
use crate::bench::sample::{Meter, Sample};
use crate::bench::{Outcome, machine, payload};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

/// Does one run of a task, in a process of its own.
pub fn run(task: Task, order: &Order) -> Outcome<Sample> {
    let config = configure(&order.ca)?;
    if task == Task::IdleTls {
        let _stream = connect(&config, order)?;
        return Ok(Sample::of("rss_mb", machine::resident_kb()? / 1000.0));
    }
    let mut meter = Meter::new(order.count);
    loop {
        let mut stream = connect(&config, order)?;
        let mut out = Vec::new();
        mqtt::put_disconnect(&mut out);
        stream.write_all(&out)?;
        stream.flush()?;
        if meter.add(1)? {
            return connect_figures(meter);
        }
    }
}

/// `cpu_ms` of a meter that counted connects.
pub fn connect_figures(meter: Meter) -> Outcome<Sample> {
    let micros = meter.finish()?.get("cpu_us").ok_or("no CPU time")?;
    Ok(Sample::of("cpu_ms", micros / 1e3))
}

fn configure(ca: &str) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn connect(config: &Arc<ClientConfig>, order: &Order) -> Outcome<StreamOwned<ClientConnection, TcpStream>> {
    let socket = TcpStream::connect(order.tls)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let session = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(session, socket);
    let mut out = Vec::new();
    mqtt::put_connect(&mut out, "t-1", &format!("t-1&{}", payload::PRODUCT_KEY))?;
    stream.write_all(&out)?;
    stream.flush()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    if answer != [kind::CONNACK << 4, 2, 0, 0] {
        return Err("not accepted".into());
    }
    if stream.conn.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Err("not TLS 1.3".into());
    }
    Ok(stream)
}
