//! What sockets of this operating system promise.

/// A read that brought less than asked for has emptied the socket, and a later byte gives a new event.
///
/// epoll(7) says so; kqueue with `EV_CLEAR` behaves alike. Elsewhere a read must run until it would block.
pub(crate) const SHORT_READ_MEANS_EMPTY: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "openbsd",
    target_os = "netbsd"
));
