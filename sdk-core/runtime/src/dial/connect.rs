//! TCP to every address of a host, one started after the other, the first to accept wins (RFC 8305).

use super::wait::Wait;
use crate::doctor::Cause;
use crate::link::Down;
use crate::os::clock;
use enos_core::LinkFault;
use mio::net::TcpStream;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long one address has the field for itself before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Most addresses tried, and most named in an error.
const MAX_ADDRESSES: usize = 16;
const MAX_NAMED: usize = 4;

struct Attempt {
    token: usize,
    address: SocketAddr,
    stream: TcpStream,
    deadline: Instant,
}

/// The first connection that comes up, watched by `wait`; or what each address said.
pub(crate) fn first_to_accept(
    wait: &mut Wait,
    what: &str,
    addresses: &[SocketAddr],
    each: Duration,
    deadline: Instant,
) -> Result<TcpStream, Down> {
    let mut failures: Vec<(SocketAddr, io::Error)> = Vec::new();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut coming = interleave(addresses).into_iter().enumerate().peekable();
    let mut next_start = Instant::now();
    loop {
        let now = Instant::now();
        if now >= deadline {
            let text = format!("{what} did not accept a connection in time{}", said(&failures));
            return Err(Down::new(LinkFault::Timeout, text).because(Cause::ConnectTimeout));
        }
        if attempts.is_empty() || now >= next_start {
            match coming.next() {
                Some((token, address)) => {
                    match start(wait, token, address, clock::after(each)) {
                        Ok(attempt) => attempts.push(attempt),
                        Err(error) => {
                            failures.push((address, error));
                            continue;
                        }
                    }
                    next_start = now + HEAD_START;
                }
                None if attempts.is_empty() => {
                    let text = format!("{what} did not accept a connection{}", said(&failures));
                    return Err(Down::new(LinkFault::Connect, text).because(common(&failures)));
                }
                None => {}
            }
        }
        let soonest = attempts.iter().map(|attempt| attempt.deadline).min().unwrap_or(deadline).min(deadline);
        let until = if coming.peek().is_some() { soonest.min(next_start) } else { soonest };
        wait.until(until)?;
        let ready: Vec<usize> = wait.ready().collect();
        let now = Instant::now();
        let mut at = 0;
        while let Some(attempt) = attempts.get(at) {
            let state = if ready.contains(&attempt.token) { settled(&attempt.stream) } else { Ok(false) };
            match state {
                Ok(true) => return Ok(attempts.swap_remove(at).stream),
                Ok(false) if now < attempt.deadline => at += 1,
                Ok(false) => {
                    let late = io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("no answer in {} ms", each.as_millis()),
                    );
                    failures.push((attempt.address, late));
                    attempts.swap_remove(at);
                }
                Err(error) => {
                    failures.push((attempt.address, error));
                    attempts.swap_remove(at);
                    next_start = now;
                }
            }
        }
    }
}

/// Tries all addresses at once, `each` at the longest, and tells what every one of them says.
pub(crate) fn survey(
    wait: &mut Wait,
    addresses: &[SocketAddr],
    each: Duration,
) -> Vec<(SocketAddr, io::Result<()>)> {
    let deadline = clock::after(each);
    let mut told = Vec::new();
    let mut attempts = Vec::new();
    for (token, address) in interleave(addresses).into_iter().enumerate() {
        match start(wait, token, address, deadline) {
            Ok(attempt) => attempts.push(attempt),
            Err(error) => told.push((address, Err(error))),
        }
    }
    while !attempts.is_empty() && wait.until(deadline).is_ok() {
        let late = Instant::now() >= deadline;
        attempts.retain(|attempt| {
            let result = match settled(&attempt.stream) {
                Ok(true) => Ok(()),
                Ok(false) if !late => return true,
                Ok(false) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer in {} ms", each.as_millis()),
                )),
                Err(error) => Err(error),
            };
            told.push((attempt.address, result));
            false
        });
    }
    told
}

fn start(wait: &Wait, token: usize, address: SocketAddr, deadline: Instant) -> io::Result<Attempt> {
    let mut stream = TcpStream::connect(address)?;
    wait.watch(&mut stream, token).map_err(|down| io::Error::other(down.text))?;
    Ok(Attempt { token, address, stream, deadline })
}

/// Whether the connection stands; an error if it never will.
fn settled(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Both families in turn, beginning with the one that the resolver put first.
pub(super) fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == six_first);
    let mut order = Vec::with_capacity(addresses.len());
    for place in 0..first.len().max(second.len()) {
        for address in [first.get(place), second.get(place)].into_iter().flatten() {
            if !order.contains(address) {
                order.push(*address);
            }
        }
    }
    order.truncate(MAX_ADDRESSES);
    order
}

/// What most of the failures have in common; the first decides a tie.
pub(super) fn common(failures: &[(SocketAddr, io::Error)]) -> Cause {
    let cause = |error: &io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => Cause::Unreachable,
        _ => Cause::ConnectFailed,
    };
    let count = |wanted| failures.iter().filter(|(_, error)| cause(error) == wanted).count();
    let mut best = (0, Cause::ConnectFailed);
    for (_, error) in failures {
        let cause = cause(error);
        let votes = count(cause);
        if votes > best.0 {
            best = (votes, cause);
        }
    }
    best.1
}

pub(super) fn said(failures: &[(SocketAddr, io::Error)]) -> String {
    let mut text = String::new();
    for (place, (address, error)) in failures.iter().take(MAX_NAMED).enumerate() {
        text.push_str(if place == 0 { ": " } else { "; " });
        text.push_str(&format!("{address} {error}"));
    }
    if failures.len() > MAX_NAMED {
        text.push_str(&format!("; and {} more", failures.len() - MAX_NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::wait::{Cancel, Spare};
    use super::*;
    use std::net::TcpListener;
    use std::sync::Arc;

    fn free_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn connect(addresses: &[SocketAddr], cancel: &Arc<Cancel>) -> Result<TcpStream, Down> {
        let mut wait = Wait::new(&Spare::default(), cancel)?;
        let soon = Duration::from_secs(20);
        first_to_accept(&mut wait, "the hub", addresses, soon, Instant::now() + soon)
    }

    #[test]
    fn families_take_turns() {
        let parse =
            |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.1:1"]);
        assert_eq!(interleave(&given), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(interleave(&[]), []);
    }

    #[test]
    fn every_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let (dead, six) = (free_port(), "[::1]:9".parse().unwrap());
        let stream = connect(&[six, dead, good], &Arc::default()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let down = connect(&[dead, six], &Arc::default()).unwrap_err();
        assert_eq!(down.fault, LinkFault::Connect);
        assert!(down.text.contains(&dead.to_string()) && down.text.contains("[::1]:9"), "{}", down.text);
    }

    #[test]
    fn a_dial_can_be_called_off() {
        let cancel = Arc::new(Cancel::default());
        cancel.cancel();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let down = connect(&[listener.local_addr().unwrap()], &cancel).unwrap_err();
        assert!(down.text.contains("called off"), "{}", down.text);
    }
}
