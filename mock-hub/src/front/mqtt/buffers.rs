//! Buffers that connections of one worker thread share, so that an idle connection holds none.
//!
//! Reading, reading into packets and answering happen in one go without a wait, so one scratch buffer per
//! thread serves all. An output buffer leaves with a connection only while its peer does not keep up.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes taken from a socket at once.
const SCRATCH: usize = 64 * 1024;
/// Largest output buffer kept for the next connection.
const SPARE: usize = 256 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
    static WRITE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads what the peer sent and hands it to `take` before it returns; 0 bytes are the end of the stream.
pub(super) fn poll_read<S: AsyncRead + Unpin, T>(
    stream: &mut S,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    READ.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled())))
    })
}

/// Bytes on their way to the peer.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// How far packets were written into the journal.
    told: usize,
    /// Bytes that may leave; what stands behind was queued since, waits for the store, and is then to be judged by
    /// the faults.
    released: usize,
    total: u64,
}

impl Output {
    /// Where packets are appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = WRITE.with_borrow_mut(std::mem::take);
        }
        &mut self.bytes
    }

    /// All that is queued may leave.
    pub(super) fn release(&mut self) {
        self.released = self.bytes.len();
    }

    /// Whether something was queued since the last [`release`](Self::release).
    pub(super) fn is_held(&self) -> bool {
        self.released < self.bytes.len()
    }

    /// Takes the whole packets that were queued since the last [`release`](Self::release) out again.
    pub(super) fn take_fresh(&mut self) -> Vec<u8> {
        // What was told of it is told again as it leaves.
        self.told = self.told.min(self.released);
        self.bytes.split_off(self.released)
    }

    /// Bytes not yet written, those that may not leave yet too.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Bytes that the peer has taken since the start.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// What may be written, in order.
    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.written..self.released).unwrap_or_default()
    }

    /// The peer has taken the first `count` bytes of [`unsent`](Self::unsent).
    pub(super) fn sent(&mut self, count: usize) {
        self.written += count;
        self.total += count as u64;
        if self.written >= self.bytes.len() {
            self.hand_back();
        }
    }

    /// What was appended since the last call, for those who listen to packets. A first call may tell again what
    /// was sent before.
    pub(super) fn untold(&mut self) -> &[u8] {
        let told = std::mem::replace(&mut self.told, self.bytes.len());
        self.bytes.get(told..).unwrap_or_default()
    }

    fn hand_back(&mut self) {
        (self.written, self.told, self.released) = (0, 0, 0);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if bytes.capacity() <= SPARE {
            WRITE.with_borrow_mut(|spare| {
                if spare.capacity() < bytes.capacity() {
                    *spare = bytes;
                }
            });
        }
    }
}
