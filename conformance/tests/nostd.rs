//! Builds and runs `nostd-probe`: the core without a standard library, a heap or an operating system.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use object::elf::{FileHeader64, PT_DYNAMIC, PT_INTERP, PT_LOAD, SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, read::elf::SectionTable};

#[test]
fn the_core_runs_with_nothing_below_it() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("skipped: the probe's start and system calls are those of Linux on x86-64");
        return;
    }
    let conformance = Path::new(env!("CARGO_MANIFEST_DIR"));
    let probe = conformance.join("nostd-probe");
    let workspace = conformance.parent().unwrap();
    // The same crates as in the workspace, and nothing to look up.
    std::fs::copy(workspace.join("Cargo.lock"), probe.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nostd-probe");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet"])
        .current_dir(&probe)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .unwrap();
    assert!(built.success(), "the probe does not build");
    let file = target.join("x86_64-unknown-linux-gnu/release/nostd-probe");
    let run = Command::new(&file).env_clear().output().unwrap();
    assert!(run.status.success(), "step {:?} went wrong", run.status.code());
    let figures = String::from_utf8(run.stdout).unwrap();
    for name in ["engine", "memory", "stack"] {
        assert!(figures.lines().any(|line| line.starts_with(name)), "{figures}");
    }
    println!("{}", figures.trim_end());
    check_file(&std::fs::read(&file).unwrap());
}

/// Nothing is left to a loader: no interpreter, no dynamic section, no symbol without a definition.
fn check_file(bytes: &[u8]) {
    let header = FileHeader64::<Endianness>::parse(bytes).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, bytes).unwrap();
    assert!(segments.iter().any(|segment| segment.p_type(endian) == PT_LOAD));
    for segment in segments {
        let kind = segment.p_type(endian);
        assert!(kind != PT_INTERP && kind != PT_DYNAMIC, "the probe asks for a loader");
    }
    let sections: SectionTable<'_, FileHeader64<Endianness>> = header.sections(endian, bytes).unwrap();
    let symbols = sections.symbols(endian, bytes, object::elf::SHT_SYMTAB).unwrap();
    assert!(symbols.len() > 10, "the probe has no symbol table to look at");
    for symbol in symbols.iter().skip(1) {
        let name = symbol.name(endian, symbols.strings()).unwrap();
        assert!(!symbol.is_undefined(endian), "{} has no definition", String::from_utf8_lossy(name));
    }
    let (mut text, mut data, mut bss) = (0, 0, 0);
    for section in sections.iter() {
        let flags = section.sh_flags(endian);
        let size = section.sh_size(endian);
        match () {
            () if !flags.contains(SHF_ALLOC) => {}
            () if section.sh_type(endian) == SHT_NOBITS => bss += size,
            () if flags.contains(SHF_WRITE) => data += size,
            () => text += size,
        }
    }
    println!("text {text}\ndata {data}\nbss {bss} (65536 of it the probe's stack)");
}
