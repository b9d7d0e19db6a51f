//! Where a device keeps the secret that it receives: a folder, memory, or callbacks of the program.

use crate::boundary::{borrow, give, place, run, take};
use crate::error::{enos_error_t, enos_status_t};
use crate::text::{ReadText as _, enos_str_t, invalid};
use crate::user::{User, enos_drop_fn};
use enos_runtime::{Error, FileSecretStore, MemorySecretStore, Secret, SecretStore};
use std::ffi::{c_char, c_void};
use std::io;
use std::sync::Arc;

/// Where devices keep the secrets that they receive. Clients hold it too, so it may be freed at any time.
pub struct enos_secret_store_t(Arc<dyn SecretStore>);

/// Loads a device's secret: writes it to `buffer` (so many bytes at the most) and its length to `*length`; 0 if there
/// is none yet. Any other status than `ENOS_OK` is a failure; `enos_error_set(err, …)` may say why.
///
/// May run on any thread, and may wait for a disk; one call at a time for a client. All arguments are lent for the call.
pub type enos_secret_load_fn = Option<
    unsafe extern "C-unwind" fn(
        user: *mut c_void,
        product_key: enos_str_t,
        device_key: enos_str_t,
        buffer: *mut c_char,
        capacity: usize,
        length: *mut usize,
        err: *mut enos_error_t,
    ) -> enos_status_t,
>;

/// Keeps a device's secret in place of an earlier one. Must return `ENOS_OK` only when the secret would survive a power
/// cut: the hub hands it out once.
///
/// Threads and failures as for `enos_secret_load_fn`.
pub type enos_secret_store_fn = Option<
    unsafe extern "C-unwind" fn(
        user: *mut c_void,
        product_key: enos_str_t,
        device_key: enos_str_t,
        secret: enos_str_t,
        err: *mut enos_error_t,
    ) -> enos_status_t,
>;

/// A store made of callbacks.
struct Custom {
    load: unsafe extern "C-unwind" fn(
        *mut c_void,
        enos_str_t,
        enos_str_t,
        *mut c_char,
        usize,
        *mut usize,
        *mut enos_error_t,
    ) -> enos_status_t,
    store: unsafe extern "C-unwind" fn(
        *mut c_void,
        enos_str_t,
        enos_str_t,
        enos_str_t,
        *mut enos_error_t,
    ) -> enos_status_t,
    user: User,
}

/// Room for a secret; EnOS hands out far shorter ones.
const ROOM: usize = 1024;

impl SecretStore for Custom {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        let (mut err, mut length) = (enos_error_t::new(None), 0);
        let mut buffer = Wiped([0; ROOM]);
        // SAFETY: the program gave the function for this; all pointers are ours and live during the call.
        let status = unsafe {
            (self.load)(
                self.user.pointer(),
                enos_str_t::lend(product_key),
                enos_str_t::lend(device_key),
                buffer.0.as_mut_ptr().cast(),
                ROOM,
                &mut length,
                &mut err,
            )
        };
        answered(status, &err, "load")?;
        match buffer.0.get(..length) {
            Some([]) => Ok(None),
            Some(secret) => {
                let secret =
                    std::str::from_utf8(secret).map_err(|_| io::Error::other("the secret is no UTF-8"))?;
                Ok(Some(Secret::new(secret)))
            }
            None => {
                Err(io::Error::other(format!("the secret has {length} bytes, more than the buffer's {ROOM}")))
            }
        }
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        let mut err = enos_error_t::new(None);
        // SAFETY: as above.
        let status = unsafe {
            (self.store)(
                self.user.pointer(),
                enos_str_t::lend(product_key),
                enos_str_t::lend(device_key),
                enos_str_t::lend(secret.expose()),
                &mut err,
            )
        };
        answered(status, &err, "store")
    }
}

fn answered(status: enos_status_t, err: &enos_error_t, what: &str) -> io::Result<()> {
    match (status, err.text()) {
        (crate::ENOS_OK, _) => Ok(()),
        (status, text) if text.is_empty() => {
            Err(io::Error::other(format!("the program's {what} function answered {status}")))
        }
        (_, text) => Err(io::Error::other(text)),
    }
}

/// Bytes that held a secret.
struct Wiped([u8; ROOM]);

impl Drop for Wiped {
    fn drop(&mut self) {
        // What hides the array from the optimiser keeps it from leaving this out.
        self.0 = [0; ROOM];
        std::hint::black_box(&mut self.0);
    }
}

/// Keeps secrets in files that only their owner can read, `<folder>/<product key>/<device key>.secret`; the folder is
/// made when the first one is stored.
///
/// Free it with `enos_secret_store_free`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_secret_store_new_file(
    folder: enos_str_t,
    out: *mut *mut enos_secret_store_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: the text is borrowed for the call; `out` and `err` are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            let folder = folder.read("folder")?;
            *out = give(enos_secret_store_t(Arc::new(FileSecretStore::new(folder))));
            Ok(())
        })
    }
}

/// Keeps secrets while the process lives: for tests, and where something else makes them last.
///
/// Free it with `enos_secret_store_free`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_secret_store_new_memory(
    out: *mut *mut enos_secret_store_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: `out` and `err` are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            *out = give(enos_secret_store_t(Arc::new(MemorySecretStore::new())));
            Ok(())
        })
    }
}

/// Keeps secrets by two functions of the program.
///
/// `drop` is told once `user` will not be used any more: when the handle is freed and the last client that holds it is
/// gone, or before this returns if it fails. Free it with `enos_secret_store_free`.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_secret_store_new_custom(
    load: enos_secret_load_fn,
    store: enos_secret_store_fn,
    user: *mut c_void,
    drop: enos_drop_fn,
    out: *mut *mut enos_secret_store_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    let user = User::new(user, drop);
    // SAFETY: `out` and `err` are NULL or the caller's.
    unsafe {
        run(err, move || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            let (Some(load), Some(store)) = (load, store) else {
                return Err(invalid("load or store is NULL. A store of your own needs both."));
            };
            *out = give(enos_secret_store_t(Arc::new(Custom { load, store, user })));
            Ok(())
        })
    }
}

/// Lets go of a store; clients that use it keep it. NULL is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_secret_store_free(store: *mut enos_secret_store_t) {
    // SAFETY: the caller gives the handle up.
    crate::boundary::answer((), || unsafe { take(store) }.map(drop));
}

impl enos_secret_store_t {
    /// # Safety
    /// `handle` is NULL, or came from this library and has not been freed.
    pub(crate) unsafe fn shared(handle: *const Self) -> Result<Arc<dyn SecretStore>, Error> {
        // SAFETY: the caller's promise is the same.
        Ok(unsafe { borrow(handle, "config.store")? }.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" fn load(
        user: *mut c_void,
        _: enos_str_t,
        _: enos_str_t,
        buffer: *mut c_char,
        capacity: usize,
        length: *mut usize,
        _: *mut enos_error_t,
    ) -> enos_status_t {
        // SAFETY: the test gives a text as user, and the pointers are the SDK's.
        unsafe {
            let text = (*user.cast::<&str>()).as_bytes();
            let fits = text.len().min(capacity);
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), fits);
            *length = text.len();
        }
        crate::ENOS_OK
    }

    unsafe extern "C-unwind" fn refuse(
        _: *mut c_void,
        _: enos_str_t,
        _: enos_str_t,
        secret: enos_str_t,
        err: *mut enos_error_t,
    ) -> enos_status_t {
        // SAFETY: the pointers are the SDK's.
        unsafe {
            if secret.read("secret").unwrap() == "say why" {
                crate::enos_error_set(err, 203, enos_str_t::lend("this store never stores"));
            }
        }
        203
    }

    #[test]
    fn callbacks_load_and_refuse() {
        let store = |text: &'static &'static str| {
            let user = User::new(std::ptr::from_ref(text).cast_mut().cast(), None);
            Custom { load, store: refuse, user }
        };
        assert!(store(&"").load("p", "d").unwrap().is_none());
        assert_eq!(store(&"sécret").load("p", "d").unwrap().unwrap().expose(), "sécret");
        static LONG: std::sync::LazyLock<&str> = std::sync::LazyLock::new(|| "x".repeat(ROOM + 1).leak());
        assert!(store(&LONG).load("p", "d").unwrap_err().to_string().contains("1025 bytes"));
        let refused = store(&"").store("p", "d", &"say why".into()).unwrap_err();
        assert_eq!(refused.to_string(), "this store never stores");
        let refused = store(&"").store("p", "d", &"silent".into()).unwrap_err();
        assert!(refused.to_string().contains("203"), "{refused}");
    }
}
