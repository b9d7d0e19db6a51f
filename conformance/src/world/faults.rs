//! What goes wrong in a world, by name and count.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One way in which a world goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's name in the table of the suite.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// The link breaks behind some byte.
    Cut = "link cut at a byte",
    /// Bytes take seconds.
    Latency = "bytes delayed",
    /// Bytes come one to four at a time.
    Slices = "bytes sliced",
    /// Few bytes a second, and a small window.
    Bandwidth = "bandwidth",
    /// A packet does not arrive.
    Drop = "packet dropped",
    /// A packet arrives twice.
    Duplicate = "packet duplicated",
    /// A packet arrives behind the next one.
    Reorder = "packet reordered",
    /// A packet arrives broken.
    Corrupt = "packet corrupted",
    /// The next dials fail.
    Refused = "connect refused",
    /// CONNACK takes long.
    SlowConnack = "slow CONNACK",
    /// Nothing arrives any more on either side, and nobody is told.
    HalfOpen = "half-open link",
    /// The hub forgets a persistent session.
    SessionLost = "session lost",
    /// The reply to a post does not arrive.
    ReplyLost = "reply lost",
    /// The reply to a post has an id that nobody asked with.
    ReplyUnknown = "reply with unknown id",
    /// The reply to a post has another code than 200.
    ReplyCode = "reply with code N",
    /// The activation message comes twice.
    ActivationTwice = "activation twice",
    /// The hub starts again with what its store holds.
    HubRestart = "hub restart",
    /// The device loses power and starts again with what its store holds.
    DeviceRestart = "device restart",
    /// The secret store says that it failed.
    StoreFailure = "secret store failed",
    /// The power goes while the secret is stored.
    StoreCrash = "power cut while storing",
    /// The device's wall clock jumps.
    ClockJump = "clock jump",
    /// The device's driver wakes up late.
    LateDriver = "late driver",
    /// A second client signs the same device in.
    Twin = "two clients for a device",
    /// An application disables the device and enables it later.
    Disabled = "device disabled",
    /// An application deletes the device; it is made again later.
    Deleted = "device deleted",
    /// A handler never answers.
    HandlerSilent = "handler never answers",
    /// A handler answers late.
    HandlerLate = "handler answers late",
    /// A handler answers twice, or with what is no answer.
    HandlerWrong = "handler answers wrongly",
}

/// How often each kind took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Kind::ALL.len()])
    }
}

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

    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
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
