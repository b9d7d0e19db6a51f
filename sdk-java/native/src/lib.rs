//! `libenos_jni`: the native half of `io.enos:enos-sdk`.
//!
//! Owns the border between Java and the runtime: one crossing for a message, errors as exceptions, callback threads
//! attached once. Refuses protocol logic, defaults and checks of values: those are `enos_runtime`'s. What is checked here
//! is what only Java can get wrong: numbers that do not fit.
//!
//! Exports `JNI_OnLoad` and the native methods of `io.enos.sdk.Native`; nobody else is meant to call them.
#![allow(non_snake_case, reason = "JNI prescribes the names")]

mod boundary;
mod client;
mod config;
mod doctor;
mod handlers;
mod inspect;
mod jvm;
mod log;
mod session;
mod sleep;
mod store;
mod tools;
mod wire;

use jni_sys::{JNI_ERR, JNI_VERSION_1_8, JavaVM, jint};
use std::ffi::c_void;

/// Called by the JVM when it has loaded the library: finds the classes once, and takes the log.
#[unsafe(no_mangle)]
extern "system" fn JNI_OnLoad(vm: *mut JavaVM, _reserved: *mut c_void) -> jint {
    let found = std::panic::catch_unwind(|| jvm::find(vm));
    if !matches!(found, Ok(Some(()))) {
        return JNI_ERR;
    }
    log::install();
    JNI_VERSION_1_8
}
