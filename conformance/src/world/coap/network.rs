//! The network: what is lost, what comes twice, and when what is left arrives.

use std::fmt;
use std::net::SocketAddr;

use crate::world::rng::Rng;

/// One way in which this world goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A datagram to the hub is lost.
    LostUp,
    /// A datagram to a device is lost.
    LostDown,
    /// A datagram arrives twice.
    Duplicated,
    /// A datagram arrives before one that was sent earlier.
    Reordered,
    /// A device has another address.
    Moved,
    /// A datagram comes to an address that its device has left.
    Astray,
    /// For a while nothing arrives.
    Outage,
    /// Somebody answers a device's request with RST.
    Reset,
    /// The hub starts again with what its store holds, and knows no session.
    HubRestart,
    /// A device loses its power.
    DeviceRestart,
    /// A device's driver wakes up late.
    LateDriver,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::LostUp,
        Self::LostDown,
        Self::Duplicated,
        Self::Reordered,
        Self::Moved,
        Self::Astray,
        Self::Outage,
        Self::Reset,
        Self::HubRestart,
        Self::DeviceRestart,
        Self::LateDriver,
    ];

    /// Its name in the table of the suite.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostUp => "datagram lost on the way up",
            Self::LostDown => "datagram lost on the way down",
            Self::Duplicated => "datagram duplicated",
            Self::Reordered => "datagram reordered",
            Self::Moved => "address changed",
            Self::Astray => "datagram to an address that was left",
            Self::Outage => "outage",
            Self::Reset => "request answered by RST",
            Self::HubRestart => "hub restart",
            Self::DeviceRestart => "device restart",
            Self::LateDriver => "late driver",
        }
    }
}

/// How often each kind took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// How often a kind took effect.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Adds another world's.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }

    /// Kinds that never took effect.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        Kind::ALL.iter().filter(|kind| self.of(**kind) == 0).map(|kind| kind.name()).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            writeln!(f, "{:>10}  {}", self.of(*kind), kind.name())?;
        }
        Ok(())
    }
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// From a device.
    Up,
    /// To a device.
    Down,
}

/// A datagram under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) way: Way,
    /// The device's address: whence it comes, or where it goes.
    pub(super) device: SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// Counts what was sent.
    pub(super) number: u64,
}

/// The network of a world.
#[derive(Debug, Default)]
pub(super) struct Network {
    sent: u64,
    /// The newest that arrived, of each way.
    newest: [u64; 2],
    /// Nothing arrives before.
    pub(super) outage_until: u64,
    pub(super) calm: bool,
}

/// Of 100 datagrams so many are lost.
const LOSS: u64 = 30;

impl Network {
    /// Sends a datagram; gives when each copy of it arrives.
    pub(super) fn send(
        &mut self,
        now: u64,
        rng: &mut Rng,
        counts: &mut Counts,
        way: Way,
        device: SocketAddr,
        bytes: Vec<u8>,
    ) -> Vec<(u64, Flight)> {
        self.sent += 1;
        let flight = Flight { way, device, bytes, number: self.sent };
        let quick = |rng: &mut Rng| now + rng.between(5, 80);
        if self.calm {
            return vec![(quick(rng), flight)];
        }
        if rng.between(1, 100) <= LOSS || now < self.outage_until {
            counts.add(if way == Way::Up { Kind::LostUp } else { Kind::LostDown });
            return Vec::new();
        }
        let copies = if rng.one_in(12) {
            counts.add(Kind::Duplicated);
            2
        } else {
            1
        };
        let flights = (0..copies).map(|_| {
            // Some take long, up to minutes: what was sent later overtakes them.
            let due = match rng.below(20) {
                0 => now + rng.between(2_000, 90_000),
                1..5 => now + rng.between(100, 4_000),
                _ => quick(rng),
            };
            (due, flight.clone())
        });
        flights.collect()
    }

    /// One arrives.
    pub(super) fn arrives(&mut self, flight: &Flight, counts: &mut Counts) {
        let newest = &mut self.newest[flight.way as usize];
        if flight.number < *newest {
            counts.add(Kind::Reordered);
        }
        *newest = flight.number.max(*newest);
    }
}
