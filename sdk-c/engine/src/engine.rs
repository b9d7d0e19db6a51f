//! The engine in the caller's block: made, ended, and the way into each function.

use crate::config::enos_engine_config_t;
use crate::memory::{ALIGN, Plan};
use crate::scratch::Scratch;
use crate::status::{ENOS_OK, Last, Misuse, enos_status_t, status_of};
use crate::value::Reader;
use core::ffi::c_void;
use enos_border::{Border, enos_str_t};
use enos_core::engine::{Engine, Memory, RequestError};
use enos_core::{ConfigError, ErrorKind, Now};

/// The device does not know the time: for `wall_ms`.
pub const ENOS_ENGINE_NO_CLOCK: i64 = -1;

/// The moment of a call, sampled by the program. Its layout never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_engine_now_t {
    /// Milliseconds of a clock that never goes back; its zero is the program's choice.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01 UTC; `ENOS_ENGINE_NO_CLOCK` where the device does not know the time.
    pub wall_ms: i64,
}

/// The engine of one client. It lives in the block that `enos_engine_init` was given.
pub struct enos_engine_t {
    /// [`MARK`] while it lives.
    mark: u32,
    pub(crate) last: Last,
    pub(crate) engine: Engine<'static>,
    block: *mut u8,
    len: usize,
    scratch: *mut u8,
    values: usize,
}

/// Tells a living engine from memory that is none, or none any more.
const MARK: u32 = 0x454E_6F53;

/// Why a call was refused.
pub(crate) enum Refusal {
    Misuse(Misuse),
    Request(RequestError),
}

impl From<Misuse> for Refusal {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl enos_engine_t {
    /// What the program's pointer points to, if it is an engine that lives.
    ///
    /// # Safety
    /// `engine` is NULL, or points to an engine, or to memory that was one and is still the program's; nobody else uses
    /// it for `'a`.
    pub(crate) unsafe fn alive<'a>(engine: *mut Self) -> Result<&'a mut Self, enos_status_t> {
        if engine.is_null() || !engine.is_aligned() {
            return Err(status_of(ErrorKind::InvalidArgument));
        }
        // SAFETY: not NULL, and the memory is there; any bits are a number.
        if unsafe { (&raw const (*engine).mark).read() } != MARK {
            return Err(status_of(ErrorKind::InvalidState));
        }
        // SAFETY: marked, so it was made here and has not ended; the caller promises the rest.
        Ok(unsafe { &mut *engine })
    }

    /// Runs a call that can be refused, and keeps why.
    ///
    /// # Safety
    /// As [`alive`](Self::alive).
    pub(crate) unsafe fn run(
        engine: *mut Self,
        act: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> enos_status_t {
        // SAFETY: the caller's promise is the same.
        let engine = match unsafe { Self::alive(engine) } {
            Ok(engine) => engine,
            Err(status) => return status,
        };
        let (kind, last) = match act(engine) {
            Ok(()) => return ENOS_OK,
            Err(Refusal::Misuse(misuse)) => (misuse.kind(), Last::Misuse(misuse)),
            Err(Refusal::Request(error)) => (error.kind(), Last::Request(error)),
        };
        engine.last = last;
        status_of(kind)
    }

    fn border(&self) -> Border {
        let start = self.block.addr();
        Border::around(start..start + self.len)
    }

    /// For the arguments of one call, and the engine beside it.
    pub(crate) fn reader<'a>(&mut self) -> (Reader<'a>, &mut Engine<'static>) {
        // SAFETY: the plan put this many aligned slots there, and each call makes one reader and is done with it.
        let scratch = unsafe { Scratch::new(self.scratch, self.values) };
        (Reader { border: self.border(), room: scratch }, &mut self.engine)
    }

    /// # Safety
    /// As `Border::text`.
    pub(crate) unsafe fn text<'a>(&self, text: enos_str_t, name: &'static str) -> Result<&'a str, Misuse> {
        // SAFETY: the caller's promise is the same.
        unsafe { self.border().text(text, name) }
    }
}

/// The moment that the program gave.
///
/// # Safety
/// `now` is NULL or points to one.
pub(crate) unsafe fn moment(now: *const enos_engine_now_t) -> Result<Now, Misuse> {
    if now.is_null() {
        return Err(Misuse::Null("now"));
    }
    if !now.is_aligned() {
        return Err(Misuse::Aligned("now"));
    }
    // SAFETY: not NULL, aligned, and the caller promises the rest.
    let now = unsafe { now.read() };
    Ok(Now { mono_ms: now.mono_ms, wall_ms: u64::try_from(now.wall_ms).ok() })
}

/// Bytes of a block for an engine with these limits, wherever it starts; 0 if the configuration is NULL, was not made
/// ready, or has a limit that cannot be. Reads the limits only. `ENOS_ENGINE_SIZE` is the same at compile time, rounded up.
///
/// @threads any
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_size(config: *const enos_engine_config_t) -> usize {
    // SAFETY: `config` is NULL or the caller's.
    let sizes = unsafe { enos_engine_config_t::given(config) }.and_then(enos_engine_config_t::sizes);
    sizes.ok().and_then(|sizes| Plan::of(&sizes)?.size()).unwrap_or(0)
}

/// Makes an engine in the caller's block: `len` bytes, at least `enos_engine_size`, at any address.
///
/// The block is the engine's until `enos_engine_end`; its content does not matter before. `entropy` points to 32 bytes that
/// must differ from start to start: they seed jitter and message numbers, and are no key. `*out` gets the engine, NULL if it
/// fails. `why` may be NULL; it gets the argument or field that is wrong, as a static text, empty if none is.
///
/// Fails with `ENOS_ERR_BUFFER_TOO_SMALL` if `len` or one of the limits is too small, with `ENOS_ERR_INVALID_ARGUMENT`
/// otherwise.
///
/// @threads any
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_init(
    memory: *mut c_void,
    len: usize,
    config: *const enos_engine_config_t,
    entropy: *const u8,
    out: *mut *mut enos_engine_t,
    why: *mut enos_str_t,
) -> enos_status_t {
    if !out.is_null() {
        // SAFETY: not NULL, so the caller's to be written.
        unsafe { out.write(core::ptr::null_mut()) };
    }
    // SAFETY: the caller's pointers and promises.
    let made = unsafe { init(memory.cast(), len, config, entropy, out.is_null()) };
    let (status, wrong) = match made {
        Ok(engine) => {
            // SAFETY: `init` has refused NULL.
            unsafe { out.write(engine) };
            (ENOS_OK, "")
        }
        Err((kind, wrong)) => (status_of(kind), wrong),
    };
    if !why.is_null() {
        // SAFETY: not NULL, so the caller's to be written.
        unsafe { why.write(enos_str_t::lend(wrong)) };
    }
    status
}

/// Kind, and the name of what is wrong.
type Wrong = (ErrorKind, &'static str);

/// # Safety
/// As `enos_engine_init`.
unsafe fn init(
    memory: *mut u8,
    len: usize,
    config: *const enos_engine_config_t,
    entropy: *const u8,
    no_out: bool,
) -> Result<*mut enos_engine_t, Wrong> {
    let wrong = |misuse: Misuse| (ErrorKind::InvalidArgument, misuse.name());
    for (null, name) in [(memory.is_null(), "memory"), (entropy.is_null(), "entropy"), (no_out, "out")] {
        if null {
            return Err((ErrorKind::InvalidArgument, name));
        }
    }
    // SAFETY: `config` is NULL or the caller's, and its texts stay during the call.
    let (given, config) = unsafe {
        let given = enos_engine_config_t::given(config).map_err(wrong)?;
        (given, given.read().map_err(wrong)?)
    };
    let sizes = given.sizes().map_err(wrong)?;
    let plan = Plan::of(&sizes).ok_or((ErrorKind::InvalidArgument, "limits"))?;
    if plan.size().is_none_or(|size| len < size) {
        return Err((ErrorKind::BufferTooSmall, "len"));
    }
    // SAFETY: the caller's 32 bytes.
    let seed = unsafe { entropy.cast::<[u8; 32]>().read() };
    // SAFETY: at most `ALIGN - 1` bytes on, which the size has in it.
    let start = unsafe { memory.add(memory.align_offset(ALIGN).min(ALIGN - 1)) };
    // SAFETY: aligned, and as many bytes are there as the plan has; they are the engine's from now on.
    let (lent, scratch) = unsafe { (plan.lend(start, &sizes), plan.scratch(start)) };
    let engine = Engine::new(config, seed, Memory::lent(lent)).map_err(of_config)?;
    let handle = start.cast::<enos_engine_t>();
    let made = enos_engine_t {
        mark: MARK,
        last: Last::Nothing,
        engine,
        block: memory,
        len,
        scratch,
        values: sizes.values,
    };
    // SAFETY: the plan begins with the handle.
    unsafe { handle.write(made) };
    Ok(handle)
}

fn of_config(error: ConfigError) -> Wrong {
    match error {
        ConfigError::ProductKey => (ErrorKind::InvalidArgument, "product_key"),
        ConfigError::DeviceKey => (ErrorKind::InvalidArgument, "device_key"),
        ConfigError::Secret => (ErrorKind::InvalidArgument, "secret"),
        ConfigError::Range(what) => (ErrorKind::InvalidArgument, what),
        ConfigError::Memory("receive") => (ErrorKind::BufferTooSmall, "limit_receive"),
        ConfigError::Memory("transmit") => (ErrorKind::BufferTooSmall, "limit_transmit"),
        ConfigError::Memory("names") => (ErrorKind::BufferTooSmall, "limit_names"),
        ConfigError::Memory("requests") => (ErrorKind::BufferTooSmall, "limit_requests"),
        _ => (ErrorKind::InvalidArgument, "config"),
    }
}

/// Ends an engine and wipes its block: keys and secrets are gone, and the memory is the caller's again. The hub is told
/// nothing: for that `enos_engine_close` comes first. NULL, and an engine that has ended, are fine.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_end(engine: *mut enos_engine_t) {
    // SAFETY: the caller's engine, for the last time.
    let Ok(living) = (unsafe { enos_engine_t::alive(engine) }) else { return };
    let (block, len) = (living.block, living.len);
    // SAFETY: it lives, and nothing of it is used again; the block is all of it.
    unsafe {
        core::ptr::drop_in_place(engine);
        core::ptr::write_bytes(block, 0, len);
    }
}
