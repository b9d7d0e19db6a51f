//! What a post costs on the wire: the table of the runtime's README, measured anew and held against what it says.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

use std::path::Path;

use conformance::bytes::{self, Table};

/// Where the table stands.
const README: &str = "../sdk-core/runtime/README.md";

#[test]
fn the_table_of_the_docs_is_what_crosses_the_wire() {
    if !bytes::is_here() {
        let must = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!must, "tshark or dumpcap is missing. Fix: apt-get install tshark");
        eprintln!("skipped: tshark and dumpcap are not installed");
        return;
    }
    let measured = bytes::measure(Path::new(env!("CARGO_BIN_EXE_byte-table"))).unwrap();
    println!("{measured}");
    let row = |transport: &str| measured.row(transport).unwrap();
    let plain = row("CoAP");
    // A request and its answer; sign-in before them. Nothing is said twice, and sleep says nothing.
    assert_eq!((plain.post.0, plain.whole.0), (2, 4));
    // Cookie, two flights each way, and the post.
    assert_eq!(
        (row("CoAP over DTLS, first session").whole.0, row("CoAP over DTLS, session kept").whole.0),
        (8, 2)
    );
    let bytes: Vec<u32> = measured.rows.iter().map(|row| row.post.1).collect();
    assert!(bytes.is_sorted(), "a post is dearer from transport to transport: {bytes:?}");
    let (full, resumed) = (row("MQTT over TLS 1.3, full handshake"), row("MQTT over TLS 1.3, resumed"));
    assert!(resumed.whole.1 + 300 < full.whole.1, "nothing was resumed");
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(README)).unwrap();
    let told = Table::read(&readme).unwrap_or_else(|| panic!("{README} has no such table:\n{measured}"));
    for (told, measured) in told.rows.iter().zip(&measured.rows) {
        assert_eq!(told.transport, measured.transport);
        let near = |told: u32, measured: u32, slack: u32| told.abs_diff(measured) <= slack;
        // Ids grow by a digit, and TCP acknowledges alone what it else sends along.
        let post = near(told.post.0, measured.post.0, 2) && near(told.post.1, measured.post.1, 120);
        let whole = near(told.whole.0, measured.whole.0, 4) && near(told.whole.1, measured.whole.1, 240);
        assert!(post && whole, "{README} says\n{told:?}, measured is\n{measured:?}");
    }
}
