//! A stream whose traffic is captured.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Tap;

/// A stream, captured if there is a tap.
pub(crate) struct Tapped<S> {
    stream: S,
    /// Boxed, so that a connection that is not captured carries a pointer and no more.
    tap: Option<Box<Tap>>,
}

impl<S> Tapped<S> {
    pub(crate) fn new(stream: S, tap: Option<Tap>) -> Self {
        Self { stream, tap: tap.map(Box::new) }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }

    pub(crate) fn inner_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if let Some(tap) = &mut self.tap {
            match buffer.filled().get(before..) {
                Some(fresh) if !fresh.is_empty() => tap.received(fresh),
                _ => tap.client_finished(),
            }
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        if let (Some(tap), Ok(count)) = (&mut self.tap, &written) {
            tap.sent(bytes.get(..*count).unwrap_or_default());
        }
        Poll::Ready(written)
    }

    /// Several parts at once are for streams without a tap, which is told one part after the other.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.tap.is_none() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        }
        let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.tap.is_none() && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        if let Some(tap) = &mut self.tap {
            tap.hub_finished();
        }
        Poll::Ready(shut)
    }
}
