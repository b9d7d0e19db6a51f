//! What goes into both headers, `enos.h` and `enos_engine.h`, and the comparison with what is committed.
#![allow(dead_code, reason = "each test program uses its part")]

use enos_core::ErrorKind;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// `sdk-c`, seen from either package.
fn sdk_c() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("engine") { here.parent().expect("sdk-c").to_owned() } else { here }
}

pub(crate) fn part(name: &str) -> String {
    std::fs::read_to_string(sdk_c().join("src").join(name)).unwrap().trim_end().to_owned()
}

pub(crate) fn config() -> cbindgen::Config {
    cbindgen::Config::from_file(sdk_c().join("cbindgen.toml")).unwrap()
}

/// Compares a made text with the committed one, or writes it where that is asked for.
pub(crate) fn committed(path: &Path, made: &str) {
    if std::env::var_os("ENOS_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    if there == made {
        return;
    }
    let differs = there.lines().zip(made.lines()).position(|(there, made)| there != made);
    let line = differs.unwrap_or_else(|| there.lines().count().min(made.lines().count()));
    panic!(
        "{} is not what the sources give, from line {} on:\n  committed: {}\n  made:      {}\nFix: \
         ENOS_WRITE=1 cargo test -p {} --test header, and read the difference.",
        path.display(),
        line + 1,
        there.lines().nth(line).unwrap_or("(end)"),
        made.lines().nth(line).unwrap_or("(end)"),
        env!("CARGO_PKG_NAME"),
    );
}

/// Version and error table, from where they are kept once.
pub(crate) fn tables() -> String {
    let mut text = format!(
        "\n/** The version of this header. */\n#define ENOS_VERSION \"{}\"\n\
         \n/** It went well. */\n#define ENOS_OK 0\n",
        env!("CARGO_PKG_VERSION")
    );
    for kind in ErrorKind::ALL {
        let retry = if kind.retryable() { " Trying again may help." } else { "" };
        write!(text, "\n/** {}{retry} */\n#define {} {}\n", kind.hint(), kind.c_name(), kind.number())
            .unwrap();
    }
    text
}

/// What both headers declare: whoever includes both gets it once.
pub(crate) const SHARED: &[&str] = &[
    "enos_status_t",
    "enos_str_t",
    "enos_array_t",
    "enos_struct_t",
    "enos_as_t",
    "enos_value_t",
    "enos_point_t",
    "ENOS_TYPE_NULL",
    "ENOS_TYPE_INT",
    "ENOS_TYPE_DOUBLE",
    "ENOS_TYPE_BOOL",
    "ENOS_TYPE_STR",
    "ENOS_TYPE_ARRAY",
    "ENOS_TYPE_STRUCT",
];

/// Their declarations and the helpers for them, in a guard of their own.
pub(crate) fn shared() -> String {
    let mut config = config();
    config.include_guard = None;
    config.autogen_warning = None;
    config.cpp_compat = false;
    config.sys_includes.clear();
    // `tables` defines it, beside the other numbers.
    config.export.exclude = vec!["ENOS_OK".to_owned()];
    // The point holds all the others.
    config.export.include = ["enos_status_t", "enos_point_t"].map(str::to_owned).to_vec();
    use cbindgen::ItemType::{Constants, Structs, Typedefs, Unions};
    config.export.item_types = vec![Constants, Structs, Unions, Typedefs];
    let mut builder = cbindgen::Builder::new().with_config(config);
    for module in ["text", "value"] {
        builder = builder.with_src(sdk_c().join("border/src").join(format!("{module}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let types = String::from_utf8(made).unwrap();
    format!(
        "\n/* In enos.h and in enos_engine.h. */\n#ifndef ENOS_SHARED\n#define ENOS_SHARED\n\n{}\n\n{}\n\n#endif /* ENOS_SHARED */\n",
        types.trim(),
        part("enos.shared.h"),
    )
}
