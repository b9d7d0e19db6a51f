//! Why a hub did not start, with the next step.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::SeedError;
use crate::pki::PkiError;

/// Why a hub did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A seed is wrong.
    Seed(SeedError),
    /// The data folder is in use, is not a hub's, or cannot be read or written; the text says what to do.
    Data(String),
    /// An address cannot be listened on.
    Listen {
        /// Which socket: mqtt, mqtts, coap, coaps, http or https.
        socket: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The capture file cannot be written.
    Capture {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No certificates could be made.
    Pki(PkiError),
    /// The system gave no thread or no event queue.
    System(io::Error),
    /// OpenSSL has no DTLS 1.2 with pre-shared keys, or the system gives no random bytes.
    #[cfg(feature = "coaps")]
    Dtls(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(error) => write!(f, "the seed is wrong: {error}"),
            Self::Data(reason) => f.write_str(reason),
            Self::Listen { socket, address, error } => {
                write!(f, "cannot listen on {address} for {socket}: {error}")?;
                if error.kind() == io::ErrorKind::AddrInUse {
                    f.write_str("; stop what uses the port, or choose another (port 0 picks a free one)")?;
                }
                Ok(())
            }
            Self::Capture { path, error } => {
                write!(f, "cannot write the capture {}: {error}", path.display())
            }
            Self::Pki(error) => write!(f, "cannot make the test certificates: {error}"),
            #[cfg(feature = "coaps")]
            Self::Dtls(error) => write!(f, "cannot offer CoAP over DTLS: {error}"),
            Self::System(error) => write!(f, "cannot start the hub's threads: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
