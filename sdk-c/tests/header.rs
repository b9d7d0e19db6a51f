//! `enos.h`, the exported symbols and the layouts are what is committed.
//!
//! `ENOS_WRITE=1 cargo test -p sdk-c --test header` writes the header and the lists anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "support/made.rs"]
mod made;
mod support;

use enos_runtime::ErrorKind;
use made::committed;
use std::fmt::Write as _;

fn header() -> String {
    let folder = support::folder();
    let mut config = made::config();
    config.header = Some(made::part("enos.head.h"));
    config.after_includes =
        Some(made::tables() + "\n" + &made::part("enos.error.h") + "\n" + &made::shared());
    config.export.exclude = made::SHARED.iter().map(|name| (*name).to_owned()).collect();
    let mut builder = cbindgen::Builder::new().with_config(config);
    // The order in which people read.
    for module in [
        "error",
        "user",
        "store",
        "runtime",
        "config",
        "lifecycle",
        "stats",
        "client",
        "sleep",
        "device",
        "command",
        "responder",
        "doctor",
        "log",
        "inspect",
    ] {
        builder = builder.with_src(folder.join("src").join(format!("{module}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    String::from_utf8(made).unwrap()
}

#[test]
fn the_header_is_what_the_sources_give() {
    let made = header();
    for kind in ErrorKind::ALL {
        assert!(made.contains(&format!("#define {} {}\n", kind.c_name(), kind.number())));
    }
    // Each function says what a caller has to know.
    let functions = made.matches("enos_status_t enos_").count();
    assert!(functions > 25, "{functions}");
    committed(&support::folder().join("include/enos.h"), &made);
}

#[test]
fn every_function_is_documented() {
    let made = header();
    let mut doc = String::new();
    let mut found = 0;
    for line in made.lines() {
        if line.starts_with("/**") {
            doc.clear();
        }
        doc.push_str(line);
        doc.push('\n');
        let is_function = line.contains("enos_")
            && line.contains('(')
            && !line.starts_with([' ', '#', '/', '}'])
            && !line.starts_with("typedef")
            && !line.starts_with("static");
        if is_function {
            found += 1;
            for word in ["@threads any", "@blocking ", "@callback-safe "] {
                assert!(doc.contains(word), "{line} does not say {word}:\n{doc}");
            }
            doc.clear();
        }
    }
    assert_eq!(found, support::symbols().len(), "functions in the header, and symbols of the library");
}

#[test]
fn only_our_names_are_exported() {
    let symbols = support::symbols();
    let strangers: Vec<_> = symbols.iter().filter(|name| !name.starts_with("enos_")).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let made = header();
    for name in &symbols {
        assert!(made.contains(&format!("{name}(")), "{name} is exported, but not in the header");
    }
    committed(&support::folder().join("abi/symbols.txt"), &(symbols.join("\n") + "\n"));
}

#[test]
fn the_library_has_its_soname() {
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    assert_eq!(support::soname(), format!("libenos.so.{major}"));
}

#[test]
fn layouts_are_the_same_here_there_and_in_the_list() {
    let c = support::Program::new("layouts.c", support::Language::C99).output(&[]);
    let cpp = support::Program::new("layouts.c", support::Language::Cpp11).output(&[]);
    assert_eq!(c, cpp);
    assert_eq!(c, rust_layouts());
    committed(&support::folder().join("abi/layouts.txt"), &c);
}

macro_rules! layout {
    ($text:ident, $type:ty { $($c:literal: $field:ident),* $(,)? }) => {
        writeln!($text, "{} {}", stringify!($type).trim_start_matches("enos :: ").trim_start_matches("enos::"), size_of::<$type>()).unwrap();
        $(writeln!($text, "  {} {}", $c, std::mem::offset_of!($type, $field)).unwrap();)*
    };
}

fn rust_layouts() -> String {
    let mut text = String::new();
    layout!(text, enos::enos_str_t { "ptr": ptr, "len": len });
    layout!(text, enos::enos_array_t { "items": items, "count": count });
    layout!(text, enos::enos_struct_t { "fields": fields, "count": count });
    layout!(text, enos::enos_as_t {});
    layout!(text, enos::enos_value_t { "type": r#type, "quality": quality, "as": r#as });
    layout!(text, enos::enos_point_t { "id": id, "value": value });
    layout!(text, enos::enos_delivery_t { "fate": fate, "request": request });
    layout!(text, enos::enos_error_t {
        "size": size, "status": status, "hub_code": hub_code, "retryable": retryable, "reserved": reserved,
        "message": message,
    });
    layout!(text, enos::enos_lifecycle_t {
        "size": size, "step": step, "retry_in_ms": retry_in_ms, "will_retry": will_retry, "reserved": reserved,
        "error": error,
    });
    layout!(text, enos::enos_stats_t {
        "size": size, "open_requests": open_requests, "queued_bytes": queued_bytes, "bytes_sent": bytes_sent,
        "bytes_received": bytes_received, "messages_sent": messages_sent, "messages_received": messages_received,
        "retries": retries, "reconnects": reconnects, "acknowledged": acknowledged, "rejected": rejected,
        "failed": failed, "dropped_oversize": dropped_oversize, "dropped_unknown": dropped_unknown,
        "dropped_malformed": dropped_malformed, "dropped_stray": dropped_stray, "dropped_answers": dropped_answers,
        "datagrams_sent": datagrams_sent, "datagrams_received": datagrams_received, "radio_on_ms": radio_on_ms,
    });
    layout!(text, enos::enos_wake_report_t {
        "size": size, "reserved": reserved, "datagrams_sent": datagrams_sent, "datagrams_received": datagrams_received,
        "bytes_sent": bytes_sent, "bytes_received": bytes_received, "radio_on_ms": radio_on_ms,
    });
    layout!(text, enos::enos_parameter_t { "name": name, "value": value });
    layout!(text, enos::enos_topic_t {
        "product_key": product_key, "device_key": device_key, "is_reply": is_reply, "reserved": reserved,
    });
    layout!(text, enos::enos_hub_url_t { "scheme": scheme, "host": host, "port": port, "reserved": reserved });
    layout!(text, enos::enos_config_t {
        "size": size, "login": login, "hub": hub, "product_key": product_key, "device_key": device_key,
        "secret": secret, "store": store, "runtime": runtime, "tls_ca": tls_ca, "tls_ca_file": tls_ca_file,
        "tls_cert": tls_cert, "tls_key": tls_key, "tls_cert_file": tls_cert_file, "tls_key_file": tls_key_file,
        "proxy_host": proxy_host, "proxy_user": proxy_user, "proxy_password": proxy_password,
        "proxy_port": proxy_port, "clean_session": clean_session, "keep_alive_s": keep_alive_s,
        "in_flight": in_flight, "dial_budget": dial_budget, "dial_window_s": dial_window_s,
        "backoff_first_ms": backoff_first_ms, "backoff_largest_ms": backoff_largest_ms,
        "sign_in_timeout_ms": sign_in_timeout_ms, "activation_timeout_ms": activation_timeout_ms,
        "pong_timeout_ms": pong_timeout_ms, "address_timeout_ms": address_timeout_ms,
        "handshake_timeout_ms": handshake_timeout_ms, "dial_timeout_ms": dial_timeout_ms,
        "limit_receive": limit_receive, "limit_transmit": limit_transmit, "limit_outbox": limit_outbox,
        "limit_names": limit_names, "limit_requests": limit_requests, "limit_calls": limit_calls,
        "limit_handlers": limit_handlers, "reserved": reserved, "coap_lifetime_s": coap_lifetime_s,
        "sleepy": sleepy, "coap_rate_limit": coap_rate_limit, "reserved2": reserved2,
    });
    text
}
