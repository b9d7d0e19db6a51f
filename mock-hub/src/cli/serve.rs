//! `mock-hub serve`: from flags to a running hub, and to its orderly end.

use std::fs;

use crate::Hub;

use super::ready::{ReadyFile, print};
use super::signal::Termination;
use super::{Address, Serve};

/// Runs a hub until the process is told to end.
pub(super) fn serve(options: &Serve) -> Result<(), String> {
    check_reach(options)?;
    let mut builder = Hub::builder()
        .mqtt(options.mqtt.0)
        .mqtts(options.mqtts.0)
        .coap(options.coap.0)
        .http(options.http.0)
        .https(options.https.0)
        .strict(options.strict);
    #[cfg(feature = "coaps")]
    {
        builder = builder.coaps(options.coaps().0);
    }
    if let Some(folder) = &options.data {
        builder = builder.data(folder);
    }
    if let Some(path) = &options.seed {
        let seed = fs::read_to_string(path)
            .map_err(|error| format!("cannot read the seed {}: {error}", path.display()))?;
        builder = builder.seed_json(seed);
    }
    if let Some(path) = &options.capture {
        builder = builder.capture(path);
    }
    if let Some(path) = &options.ready_file {
        ReadyFile::clear(path)?;
    }
    // Caught from here on, so that a signal right after the ready line ends the hub in order.
    let termination = Termination::catch()?;
    let hub = builder.start().map_err(|error| error.to_string())?;
    let line = hub.ready_line();
    print(&line)?;
    let file = options.ready_file.as_deref().map(|path| ReadyFile::write(path, &line)).transpose()?;
    let told = termination.wait(|| hub.is_running());
    drop(file);
    drop(hub);
    if told {
        Ok(())
    } else {
        Err("the hub ended by itself, which is a bug; the lines above say how".to_owned())
    }
}

/// Other machines may reach a hub only if it is strict or the user says so.
fn check_reach(options: &Serve) -> Result<(), String> {
    if options.strict || options.allow_remote {
        return Ok(());
    }
    let flags = [
        ("--mqtt", options.mqtt),
        ("--mqtts", options.mqtts),
        ("--coap", options.coap),
        #[cfg(feature = "coaps")]
        ("--coaps", options.coaps()),
        ("--http", options.http),
        ("--https", options.https),
    ];
    match flags.into_iter().find(|(_, Address(address))| !address.ip().is_loopback()) {
        None => Ok(()),
        Some((flag, Address(address))) => Err(format!(
            "{flag} {address} can be reached from other machines, and a hub that is not strict trusts everybody; \
             add --strict or --allow-remote"
        )),
    }
}
