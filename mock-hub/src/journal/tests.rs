use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use serde_json::json;

use super::ring::CAPACITY;
use super::*;

fn journal() -> Arc<Journal> {
    Arc::new(Journal::default())
}

fn texts(journal: &Journal, filter: &Filter) -> Vec<String> {
    journal.read(filter).entries.iter().map(|seen| seen.entry.text.to_string()).collect()
}

fn line(seen: &Seen, full: bool) -> Value {
    serde_json::to_value(Line { seen, full }).unwrap()
}

#[test]
fn the_ring_forgets_the_oldest_and_says_how_many() {
    let journal = journal();
    for index in 0..CAPACITY + 7 {
        journal.write(index as u64, Entry::new(EntryKind::Admin, "x"));
    }
    let read = journal.read(&Filter::default());
    assert_eq!(read.entries.len(), CAPACITY);
    assert_eq!(read.entries[0].seq, 8);
    assert_eq!((read.dropped, read.last), (7, CAPACITY as u64 + 7));
}

#[test]
fn long_payloads_are_bounded_as_a_whole() {
    let journal = journal();
    let payload = vec![b'x'; PAYLOAD];
    for index in 0..2_000 {
        let message = Message::new("/t", "1", 1, &payload, None);
        journal.write(index, Entry::new(EntryKind::MessageIn, "x").message(message));
    }
    let size = journal.size();
    assert!(size.bytes <= 64 * 1024 * 1024 && size.entries > 900, "{size:?}");
    assert_eq!(size.dropped + size.entries as u64, 2_000);
}

#[test]
fn filters_combine() {
    let journal = journal();
    let device = DeviceId::new("pk", "dk");
    let message = |topic: &str, id, payload: &str, code| {
        let message = Message::new(topic, id, 1, payload.as_bytes(), Some(code));
        Entry::new(EntryKind::MessageIn, "posted").device(&device).message(message)
    };
    journal.write(10, Entry::new(EntryKind::Connect, "a").device(&device));
    journal.write(20, Entry::new(EntryKind::Refused, "b: rule 6: no method. Fix: send one").device(&device));
    journal.write(30, Entry::new(EntryKind::Refused, "c"));
    journal.write(40, message("/sys/pk/dk/thing/measurepoint/post", "7", "{\"Temp\":21}", 200));
    journal.write(50, message("/sys/pk/dk/thing/x_reply", "8", "{}", 500));
    let found = |filter| texts(&journal, &filter).len();
    let all = Filter::default;
    let refused = Kinds::NONE.with(EntryKind::Refused);
    assert_eq!(found(all()), 5);
    assert_eq!(found(Filter { kinds: refused, ..all() }), 2);
    assert_eq!(found(Filter { kinds: refused.with(EntryKind::Connect), ..all() }), 3);
    let one_device = Filter { device: Some(device.clone()), kinds: refused, since: Some(1), ..all() };
    assert_eq!(found(one_device), 1);
    assert_eq!(found(Filter { device: Some(DeviceId::new("pk", "*")), ..all() }), 4);
    assert_eq!(found(Filter { device: Some(DeviceId::new("pk", "other")), ..all() }), 0);
    assert_eq!(found(Filter { from_ms: Some(20), to_ms: Some(40), ..all() }), 3);
    assert_eq!(found(Filter { rule: Some(6), ..all() }), 1);
    assert_eq!(found(Filter { rule: Some(7), ..all() }), 0);
    assert_eq!(found(Filter { id: Some("7".into()), ..all() }), 1);
    assert_eq!(found(Filter { code: Some(500), ..all() }), 1);
    assert_eq!(found(Filter { topic: Some("/sys/+/+/thing/measurepoint/post".into()), ..all() }), 1);
    assert_eq!(found(Filter { topic: Some("/sys/pk/#".into()), ..all() }), 2);
    assert_eq!(found(Filter { text: Some("temp".into()), ..all() }), 1);
    let newest = texts(&journal, &Filter { limit: 2, kinds: refused.with(EntryKind::Connect), ..all() });
    assert_eq!(newest, ["b: rule 6: no method. Fix: send one", "c"]);
}

#[test]
fn a_line_names_rule_and_fix() {
    let journal = journal();
    let text = "refused with 1200: rule 6: a request carries version. Fix: send all three";
    journal.write(1, Entry::new(EntryKind::Refused, text));
    journal.write(2, Entry::new(EntryKind::Admin, "nothing about rule 6: at all"));
    let read = journal.read(&Filter::default()).entries;
    let first = line(&read[0], false);
    assert_eq!((&first["rule"], &first["fix"]), (&json!(6), &json!("send all three")));
    assert_eq!(line(&read[1], false).get("rule"), None);
}

#[test]
fn long_texts_and_payloads_are_cut() {
    let journal = journal();
    let long = "é".repeat(50_000);
    let message = Message::new("/t", "1", 1, long.as_bytes(), None);
    journal.write(1, Entry::new(EntryKind::MessageIn, long).message(message));
    let read = journal.read(&Filter::default()).entries;
    let short = line(&read[0], false);
    assert_eq!(short["text"].as_str().unwrap().len(), MAX_TEXT);
    assert_eq!(short["detail"]["payload"].as_str().unwrap().len(), 1024);
    assert_eq!((&short["detail"]["truncated"], &short["detail"]["bytes"]), (&json!(true), &json!(100_000)));
    let full = line(&read[0], true);
    assert_eq!(full["detail"]["payload"].as_str().unwrap().len(), PAYLOAD);
    assert_eq!(full["detail"]["truncated"], true);
}

#[test]
fn a_secret_is_not_shown_however_it_is_asked_for() {
    let journal = journal();
    journal.write(1, Entry::new(EntryKind::MessageOut, "x").message(Message::confidential("/t", "1", 1, 80)));
    let read = journal.read(&Filter::default()).entries;
    assert_eq!(line(&read[0], true)["detail"]["payload"], "(not shown: it carries a secret)");
    assert_eq!(read[0].entry.as_message().unwrap().json(), None);
}

#[test]
fn a_listener_gets_each_entry_once_and_resumes_where_it_was() {
    let journal = journal();
    journal.write(1, Entry::new(EntryKind::Admin, "before"));
    let mut listener = Listener::new(&journal, None, false).unwrap();
    assert!(listener.take(10).entries.is_empty());
    for text in ["a", "b", "c"] {
        journal.write(2, Entry::new(EntryKind::Admin, text));
    }
    let seqs = |batch: Batch| {
        batch.entries.iter().map(|seen| (seen.seq, seen.entry.text.clone())).collect::<Vec<_>>()
    };
    assert_eq!(seqs(listener.take(2)), [(2, "a".into()), (3, "b".into())]);
    drop(listener);
    let mut resumed = Listener::new(&journal, Some(3), false).unwrap();
    assert_eq!(seqs(resumed.take(10)), [(4, "c".into())]);
    assert_eq!(Listener::new(&journal, Some(0), false).unwrap().take(10).entries.len(), 4);
}

#[test]
fn a_slow_listener_loses_the_oldest_and_is_told_how_many() {
    let journal = journal();
    let mut slow = Listener::new(&journal, None, false).unwrap();
    for _ in 0..CAPACITY + 40 {
        journal.write(1, Entry::new(EntryKind::Admin, "x"));
    }
    let batch = slow.take(10);
    assert_eq!((batch.lost, batch.entries[0].seq), (40, 41));
    assert_eq!(slow.take(10).lost, 0);
    // One that comes back too late is told the same.
    let mut late = Listener::new(&journal, Some(5), false).unwrap();
    assert_eq!(late.take(1).lost, 35);
}

#[test]
fn packets_are_recorded_for_those_who_ask_and_push_nothing_out() {
    let journal = journal();
    assert!(!journal.wants_packets());
    let mut all = Listener::new(&journal, None, true).unwrap();
    let mut usual = Listener::new(&journal, None, false).unwrap();
    assert!(journal.wants_packets());
    journal.write(1, Entry::new(EntryKind::Admin, "a"));
    for _ in 0..CAPACITY + 5 {
        journal.write(1, Entry::new(EntryKind::Packet, "p"));
    }
    journal.write(1, Entry::new(EntryKind::Admin, "b"));
    assert_eq!(usual.take(10).entries.len(), 2);
    let first = all.take(2);
    assert_eq!(first.lost, 5);
    assert_eq!(first.entries.iter().map(|seen| seen.seq).collect::<Vec<_>>(), [1, 7]);
    let rest: usize = std::iter::from_fn(|| Some(all.take(999).entries.len()).filter(|n| *n > 0)).sum();
    assert_eq!(rest, CAPACITY - 1 + 1);
    assert_eq!(texts(&journal, &Filter::default()), ["a", "b"]);
    let packets = Filter { kinds: Kinds::usual().with(EntryKind::Packet), limit: 2, ..Filter::default() };
    assert_eq!(texts(&journal, &packets), ["p", "b"]);
    drop(all);
    assert!(!journal.wants_packets());
}

#[tokio::test]
async fn a_listener_wakes_for_an_entry_and_ends_with_the_hub() {
    let journal = journal();
    let listener = Listener::new(&journal, None, false).unwrap();
    let mut waiting = pin!(listener.wait());
    let still = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
    assert!(still);
    journal.write(1, Entry::new(EntryKind::Admin, "x"));
    assert!(waiting.await);
    journal.close();
    assert!(!listener.wait().await);
    assert_eq!(Listener::new(&journal, None, false).err(), Some(TooMany));
}

#[test]
fn listeners_are_bounded() {
    let journal = journal();
    let held: Vec<Listener> = (0..1_000).map_while(|_| Listener::new(&journal, None, false).ok()).collect();
    assert_eq!(held.len(), 100);
    drop(held);
    assert!(Listener::new(&journal, None, false).is_ok());
}
