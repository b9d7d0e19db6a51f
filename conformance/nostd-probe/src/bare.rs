//! What an operating system's runtime would bring: a start, a stack, an end, and the memory functions that the
//! compiler calls by name. The only unsafe code of the probe; Linux on x86-64 only.

use core::arch::{asm, global_asm};

/// The probe's own stack: zeros, so that its deepest use can be read afterwards.
const STACK: usize = 64 * 1024;

#[repr(C, align(16))]
struct Stack([u8; STACK]);

#[unsafe(no_mangle)]
static mut PROBE_STACK: Stack = Stack([0; STACK]);

global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "lea rsp, [PROBE_STACK + {size}]",
    "call {main}",
    "ud2",
    size = const STACK,
    main = sym main,
);

extern "C" fn main() -> ! {
    exit(crate::probe())
}

/// Ends the process.
pub fn exit(code: u8) -> ! {
    // SAFETY: exit_group (231) takes the code and never returns.
    unsafe { asm!("syscall", in("rax") 231_u64, in("rdi") u64::from(code), options(noreturn, nostack)) }
}

/// Writes to the standard output; what cannot be written is lost.
pub fn print(text: &[u8]) {
    // SAFETY: write (1) reads `len` bytes from a valid slice; rcx and r11 are what the call destroys.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") 1_u64 => _,
            in("rdi") 1_u64,
            in("rsi") text.as_ptr(),
            in("rdx") text.len(),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, readonly),
        );
    }
}

/// The most bytes of stack that were in use so far.
pub fn stack_used() -> usize {
    let base = (&raw const PROBE_STACK).cast::<u8>();
    let mut untouched = 0;
    // SAFETY: reads stay inside the static; nobody else writes there but this thread's own frames, above.
    while untouched < STACK && unsafe { base.add(untouched).read_volatile() } == 0 {
        untouched += 1;
    }
    STACK - untouched
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(101)
}

/// Copies `n` bytes between places that do not overlap.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller vouches for both ranges; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep movsb", inout("rcx") n => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack, preserves_flags));
    }
    to
}

/// Copies `n` bytes between places that may overlap.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= n {
        // SAFETY: copying upwards reads each byte before it is overwritten.
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: copying downwards does; n is above 0 here, and the direction flag is cleared again.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rcx") n => _, inout("rdi") to.add(n - 1) => _, inout("rsi") from.add(n - 1) => _,
            options(nostack),
        );
    }
    to
}

/// Fills `n` bytes.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // SAFETY: the caller vouches for the range; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep stosb", inout("rcx") n => _, inout("rdi") to => _, in("al") byte as u8, options(nostack, preserves_flags));
    }
    to
}

/// Compares `n` bytes.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for at in 0..n {
        // SAFETY: the caller vouches for both ranges.
        let (a, b) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// Tells whether `n` bytes differ.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the same promise.
    unsafe { memcmp(a, b, n) }
}
