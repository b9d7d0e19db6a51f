//! What happens where nothing may happen any more: a bug of the SDK in a program without an operating system.

/// Stops at the instruction that every board's fault handler hears of: a debugger shows the place, a watchdog or the
/// handler resets. Nothing is unwound and nothing is printed.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    trap()
}

fn trap() -> ! {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    // SAFETY: an instruction that is none by definition; it touches nothing.
    unsafe {
        core::arch::asm!("ud2", options(noreturn, nostack, nomem))
    }
    #[cfg(target_arch = "arm")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("udf #0", options(noreturn, nostack, nomem))
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("brk #1", options(noreturn, nostack, nomem))
    }
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("unimp", options(noreturn, nostack, nomem))
    }
    #[cfg(not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    loop {
        core::hint::spin_loop();
    }
}
