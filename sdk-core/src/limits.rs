//! What a client may use at the most; nothing in the core grows beyond it.

/// The largest payload that EnOS takes, in bytes (`docs-mqtt.md` §12).
pub const MAX_PAYLOAD: usize = 512 * 1024;

/// Room for fixed header, topic and packet identifier beside the largest payload.
pub(crate) const PACKET_OVERHEAD: usize = 1024;

/// Upper bounds of one engine's memory; regions start small and grow on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of received packets held at once; a PUBLISH that does not fit is acknowledged, skipped and reported.
    pub receive: usize,
    /// Bytes encoded but not yet sent.
    pub transmit: usize,
    /// Bytes of messages waiting to be sent or answered.
    pub outbox: usize,
    /// Requests open at once; at most 16,384.
    pub requests: u16,
    /// Commands taken but not yet answered.
    pub calls: u16,
    /// Handlers registered.
    pub handlers: u16,
    /// Bytes of names: host, keys, secrets, service identifiers.
    pub names: usize,
}

impl Limits {
    /// The default of gateways and PCs: about 6.5 MB if everything is full, a few kB when idle.
    pub const DEFAULT: Self = Self {
        receive: MAX_PAYLOAD + PACKET_OVERHEAD,
        transmit: 2 * (MAX_PAYLOAD + PACKET_OVERHEAD),
        outbox: 4 * 1024 * 1024,
        requests: 1024,
        calls: 256,
        handlers: 256,
        names: 64 * 1024,
    };

    /// The default of boards, where all of it is taken at once: about 3.5 kB; posts up to some 700 bytes.
    pub const BOARD: Self =
        Self { receive: 1024, transmit: 768, outbox: 768, requests: 4, calls: 1, handlers: 4, names: 512 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
