//! `enos_engine.h` and the layouts are what is committed; each function is documented.
//!
//! `ENOS_WRITE=1 cargo test -p sdk-c-engine --test header` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "../../tests/support/made.rs"]
mod made;
mod support;

use made::committed;
use std::fmt::Write as _;
use support::{Language, Program, folder};

/// A part of the header that is written by hand.
fn part(name: &str) -> String {
    std::fs::read_to_string(folder().join("src").join(name)).unwrap().trim_end().to_owned()
}

fn header() -> String {
    let mut config = made::config();
    config.header = Some(part("enos_engine.head.h"));
    config.include_guard = Some("ENOS_ENGINE_H".to_owned());
    let warning = config.autogen_warning.take().unwrap();
    config.autogen_warning = Some(warning.replace("-p sdk-c ", "-p sdk-c-engine "));
    let after = made::tables() + &made::shared() + "\n" + &part("enos_engine.tail.h");
    config.after_includes = Some(after);
    config.export.exclude = made::SHARED.iter().map(|name| (*name).to_owned()).collect();
    let mut builder = cbindgen::Builder::new().with_config(config);
    // The order in which people read.
    for module in ["config", "engine", "output", "input", "request", "message", "stats"] {
        builder = builder.with_src(folder().join("src").join(format!("{module}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    String::from_utf8(made).unwrap()
}

#[test]
fn the_header_is_what_the_sources_give() {
    committed(&folder().join("include/enos_engine.h"), &header());
}

/// The symbols of the archive are held against the same list by `archive.rs`.
#[test]
fn every_function_is_documented_and_listed() {
    let made = header();
    let (mut doc, mut found) = (String::new(), Vec::new());
    for line in made.lines() {
        if line.starts_with("/**") {
            doc.clear();
        }
        doc.push_str(line);
        let named = line.contains(" enos_engine_") || line.contains("*enos_engine_");
        if named && line.contains('(') && !line.starts_with([' ', '#', '/', '}']) {
            for word in ["@threads ", "@blocking no"] {
                assert!(doc.contains(word), "{line} does not say {word}:\n{doc}");
            }
            let (name, _) = line.split_once('(').unwrap();
            found.push(name.rsplit([' ', '*']).next().unwrap().to_owned());
            doc.clear();
        }
    }
    found.sort();
    committed(&folder().join("abi/symbols.txt"), &(found.join("\n") + "\n"));
}

#[test]
fn what_both_headers_have_is_the_same() {
    let of = |path: &str| {
        let text = std::fs::read_to_string(folder().join(path)).unwrap();
        let (_, behind) = text.split_once("#ifndef ENOS_SHARED").unwrap();
        behind.split_once("#endif /* ENOS_SHARED */").unwrap().0.to_owned()
    };
    assert_eq!(of("include/enos_engine.h"), of("../include/enos.h"));
    // Both in one program, in both orders, in both languages.
    for language in [Language::C99, Language::Cpp11] {
        for order in ["-DENOS_FIRST", "-DENGINE_FIRST"] {
            assert_eq!(Program::with("both.c", language, &[order], &[]).output(&[]), "done\n");
        }
    }
}

#[test]
fn layouts_are_the_same_here_there_and_in_the_list() {
    let c = Program::new("layouts.c", Language::C99).output(&[]);
    let cpp = Program::new("layouts.c", Language::Cpp11).output(&[]);
    assert_eq!(c, cpp);
    assert_eq!(c, rust_layouts());
    committed(&folder().join("abi/layouts.txt"), &c);
    // Where enos.h has the same struct, it has the same layout.
    let theirs = std::fs::read_to_string(folder().join("../abi/layouts.txt")).unwrap();
    let (shared, _) = c.split_once("enos_engine_").unwrap();
    assert!(theirs.starts_with(shared), "{shared}");
}

macro_rules! layout {
    ($text:ident, $type:ident { $($c:literal: $field:ident),* $(,)? }) => {
        writeln!($text, "{} {}", stringify!($type), size_of::<enos_engine::$type>()).unwrap();
        $(writeln!($text, "  {} {}", $c, std::mem::offset_of!(enos_engine::$type, $field)).unwrap();)*
    };
}

fn rust_layouts() -> String {
    let mut text = String::new();
    layout!(text, enos_str_t { "ptr": ptr, "len": len });
    layout!(text, enos_array_t { "items": items, "count": count });
    layout!(text, enos_struct_t { "fields": fields, "count": count });
    layout!(text, enos_as_t {});
    layout!(text, enos_value_t { "type": r#type, "quality": quality, "as": r#as });
    layout!(text, enos_point_t { "id": id, "value": value });
    layout!(text, enos_engine_now_t { "mono_ms": mono_ms, "wall_ms": wall_ms });
    layout!(text, enos_engine_config_t {
        "size": size, "login": login, "hub": hub, "product_key": product_key, "device_key": device_key,
        "secret": secret, "stored_secret": stored_secret, "clean_session": clean_session,
        "keep_alive_s": keep_alive_s, "in_flight": in_flight, "dial_budget": dial_budget,
        "dial_window_s": dial_window_s, "backoff_first_ms": backoff_first_ms,
        "backoff_largest_ms": backoff_largest_ms, "sign_in_timeout_ms": sign_in_timeout_ms,
        "activation_timeout_ms": activation_timeout_ms, "pong_timeout_ms": pong_timeout_ms,
        "limit_receive": limit_receive, "limit_transmit": limit_transmit, "limit_outbox": limit_outbox,
        "limit_names": limit_names, "limit_requests": limit_requests, "limit_calls": limit_calls,
        "limit_handlers": limit_handlers, "limit_values": limit_values,
    });
    layout!(text, enos_engine_dial_t { "host": host, "port": port, "scheme": scheme });
    layout!(text, enos_engine_transmit_t { "ptr": ptr, "len": len });
    layout!(text, enos_engine_store_t {
        "product_key": product_key, "device_key": device_key, "device_secret": device_secret,
    });
    layout!(text, enos_engine_wait_t { "until_ms": until_ms });
    layout!(text, enos_engine_failure_t {
        "status": status, "will_retry": will_retry, "hub_code": hub_code, "retry_in_ms": retry_in_ms,
        "reserved": reserved,
    });
    layout!(text, enos_engine_settled_t {
        "request": request, "status": status, "hub_code": hub_code, "data": data, "message": message,
    });
    layout!(text, enos_engine_command_t {
        "call": call, "device": device, "kind": kind, "reserved": reserved, "service": service,
        "params": params,
    });
    layout!(text, enos_engine_warning_t { "status": status, "number": number });
    layout!(text, enos_engine_as_t {});
    layout!(text, enos_engine_output_t { "size": size, "tag": tag, "as": r#as });
    layout!(text, enos_engine_stats_t {
        "size": size, "open_requests": open_requests, "queued_bytes": queued_bytes, "bytes_sent": bytes_sent,
        "bytes_received": bytes_received, "messages_sent": messages_sent,
        "messages_received": messages_received, "retries": retries, "reconnects": reconnects,
        "acknowledged": acknowledged, "rejected": rejected, "failed": failed,
        "dropped_oversize": dropped_oversize, "dropped_unknown": dropped_unknown,
        "dropped_malformed": dropped_malformed, "dropped_stray": dropped_stray,
        "dropped_answers": dropped_answers,
    });
    text
}
