//! What the program tells the engine: bytes, and the fate of the link and of a secret.

use crate::engine::{Refusal, enos_engine_now_t, enos_engine_t, moment};
use crate::status::{ENOS_OK, Misuse, enos_status_t};
use enos_core::LinkFault;
use enos_core::engine::{Input, LinkError, StoreError};

/// The program closed the link, since `ENOS_ENGINE_HANG_UP` asked for it.
pub const ENOS_ENGINE_LINK_HUNG_UP: i32 = 0;
/// The host name has no address.
pub const ENOS_ENGINE_LINK_RESOLVE: i32 = 1;
/// No address accepted a connection.
pub const ENOS_ENGINE_LINK_CONNECT: i32 = 2;
/// The TLS handshake failed, or a certificate was refused. The engine does not dial again by itself.
pub const ENOS_ENGINE_LINK_TLS: i32 = 3;
/// The hub closed the connection.
pub const ENOS_ENGINE_LINK_PEER_CLOSED: i32 = 4;
/// The connection broke.
pub const ENOS_ENGINE_LINK_LOST: i32 = 5;
/// The link did not come up in time.
pub const ENOS_ENGINE_LINK_TIMEOUT: i32 = 6;
/// The program replaces the link: `enos_engine_link_up` follows without a dial.
pub const ENOS_ENGINE_LINK_REPLACED: i32 = 7;

/// # Safety
/// The pointers of the exports.
unsafe fn tell(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    input: impl FnOnce(&mut enos_engine_t) -> Result<Input, Misuse>,
) -> enos_status_t {
    // SAFETY: the caller's promise is the same.
    unsafe {
        enos_engine_t::run(engine, |engine| {
            let now = moment(now)?;
            let input = input(engine)?;
            engine.engine.handle_input(now, input);
            Ok::<(), Refusal>(())
        })
    }
}

/// Where to put what is read from the link, and in `*room` how many bytes at the most; then `enos_engine_received`.
///
/// NULL and 0: read nothing now, and wait until bytes were sent or for the deadline. Lent: it is the program's to write until
/// the next call with this engine.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_receive_buffer(engine: *mut enos_engine_t, room: *mut usize) -> *mut u8 {
    let (mut buffer, mut len) = (core::ptr::null_mut(), 0);
    // SAFETY: the caller's engine.
    if let Ok(engine) = unsafe { enos_engine_t::alive(engine) }
        && !room.is_null()
    {
        let free = engine.engine.receive_buffer();
        if !free.is_empty() {
            (buffer, len) = (free.as_mut_ptr(), free.len());
        }
    }
    if !room.is_null() {
        // SAFETY: not NULL, so the caller's to be written.
        unsafe { room.write(len) };
    }
    buffer
}

/// So many bytes were read into `enos_engine_receive_buffer`; a stream may be cut anywhere.
///
/// Fails with `ENOS_ERR_INVALID_ARGUMENT` if that is more than there was room for.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_received(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    n: usize,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe {
        tell(engine, now, |engine| {
            if n > engine.engine.receive_buffer().len() {
                return Err(Misuse::Number("n"));
            }
            Ok(Input::Received(n))
        })
    }
}

/// So many bytes of the last `ENOS_ENGINE_TRANSMIT` were taken by the link, from its front; fewer than all is normal.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_sent(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    n: usize,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe { tell(engine, now, |_| Ok(Input::Sent(n))) }
}

/// The link that `ENOS_ENGINE_DIAL` asked for is up, TLS handshake included: bytes may flow.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_link_up(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe { tell(engine, now, |_| Ok(Input::LinkUp)) }
}

/// The dial failed, the link broke, or `ENOS_ENGINE_HANG_UP` is done: `reason` is `ENOS_ENGINE_LINK_…`.
///
/// Each dial is answered by one `enos_engine_link_up` or `enos_engine_link_down`, and each link that came up by one
/// `enos_engine_link_down`. What comes late is ignored.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_link_down(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    reason: i32,
) -> enos_status_t {
    // SAFETY: the caller's pointers.
    unsafe {
        tell(engine, now, |_| {
            Ok(Input::LinkDown(match reason {
                ENOS_ENGINE_LINK_HUNG_UP => LinkError::HungUp,
                ENOS_ENGINE_LINK_RESOLVE => LinkError::Fault(LinkFault::Resolve),
                ENOS_ENGINE_LINK_CONNECT => LinkError::Fault(LinkFault::Connect),
                ENOS_ENGINE_LINK_TLS => LinkError::Fault(LinkFault::Tls),
                ENOS_ENGINE_LINK_PEER_CLOSED => LinkError::Fault(LinkFault::PeerClosed),
                ENOS_ENGINE_LINK_LOST => LinkError::Fault(LinkFault::Lost),
                ENOS_ENGINE_LINK_TIMEOUT => LinkError::Fault(LinkFault::Timeout),
                ENOS_ENGINE_LINK_REPLACED => LinkError::Replaced,
                _ => return Err(Misuse::Number("reason")),
            }))
        })
    }
}

/// The answer to `ENOS_ENGINE_STORE`, link or no link: `ENOS_OK` once the secret survives a power cut, any other number
/// where that failed; then the engine asks again later.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_stored(
    engine: *mut enos_engine_t,
    now: *const enos_engine_now_t,
    status: enos_status_t,
) -> enos_status_t {
    let stored = if status == ENOS_OK { Ok(()) } else { Err(StoreError) };
    // SAFETY: the caller's pointers.
    unsafe { tell(engine, now, |_| Ok(Input::Stored(stored))) }
}
