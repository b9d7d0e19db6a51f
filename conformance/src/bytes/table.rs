//! The table as it is printed, kept in the docs and read back.

use std::collections::BTreeMap;
use std::fmt;

use super::Failure;
use super::capture::Count;

/// One line: packets and bytes of a signed-in post, and of connect, one post and sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which transport, in which state.
    pub transport: String,
    /// Datagrams or segments, bytes; both ways.
    pub post: (u32, u32),
    /// The same of connect, one post and sleep.
    pub whole: (u32, u32),
}

/// The whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its lines.
    pub rows: Vec<Row>,
}

const HEAD: &str =
    "| transport | a signed-in post: packets | bytes | connect + one post + sleep: packets | bytes |";

/// What is printed, of which phases.
const ROWS: [(&str, &str, &str); 6] = [
    ("CoAP", "coap.post", "coap.first"),
    ("CoAP over DTLS, first session", "coaps.post", "coaps.first"),
    ("CoAP over DTLS, session kept", "coaps.post", "coaps.post"),
    ("MQTT", "tcp.post", "tcp.first"),
    ("MQTT over TLS 1.3, full handshake", "ssl.post", "ssl.first"),
    ("MQTT over TLS 1.3, resumed", "ssl.post", "ssl.again!"),
];

/// The table of the phases' counts.
pub(super) fn of(counts: &BTreeMap<String, Count>) -> Result<Table, Failure> {
    let find = |phase: &str| {
        // Of a phase that was run more than once, the middle one.
        let mut found: Vec<Count> = counts
            .iter()
            .filter(|(name, _)| {
                *name == phase || name.rsplit_once('.').is_some_and(|(name, _)| name == phase)
            })
            .map(|(_, count)| *count)
            .collect();
        found.sort_by_key(Count::bytes);
        let middle = found.get(found.len() / 2).copied();
        let count = middle.ok_or_else(|| Failure::from(format!("no phase {phase}")))?;
        Ok::<_, Failure>((count.packets(), count.bytes()))
    };
    let rows = ROWS.iter().map(|(transport, post, whole)| {
        Ok(Row { transport: (*transport).to_owned(), post: find(post)?, whole: find(whole)? })
    });
    Ok(Table { rows: rows.collect::<Result<_, Failure>>()? })
}

impl Table {
    /// Finds the table in a text; none if it is not there or not whole.
    pub fn read(text: &str) -> Option<Self> {
        let rows = text.lines().skip_while(|line| line.trim() != HEAD).skip(2);
        let rows: Option<Vec<Row>> = rows.take_while(|line| line.starts_with('|')).map(read_row).collect();
        rows.filter(|rows| rows.len() == ROWS.len()).map(|rows| Self { rows })
    }

    /// The row of a transport.
    pub fn row(&self, transport: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.transport == transport)
    }
}

fn read_row(line: &str) -> Option<Row> {
    let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
    let transport = cells.next()?.to_owned();
    let mut number = || cells.next()?.replace(',', "").parse::<u32>().ok();
    Some(Row { transport, post: (number()?, number()?), whole: (number()?, number()?) })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}\n|---|---|---|---|---|")?;
        for Row { transport, post, whole } in &self.rows {
            let [post_bytes, whole_bytes] = [post.1, whole.1].map(grouped);
            writeln!(f, "| {transport} | {} | {post_bytes} | {} | {whole_bytes} |", post.0, whole.0)?;
        }
        Ok(())
    }
}

/// A number below a million, with its thousands set off.
fn grouped(number: u32) -> String {
    match number {
        1_000.. => format!("{},{:03}", number / 1_000, number % 1_000),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let names = ["coap.post.0", "coap.post.1", "coap.first", "coaps.post.0", "coaps.first", "tcp.post.0"];
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        for (at, name) in
            names.iter().chain(&["tcp.first", "ssl.post.0", "ssl.first", "ssl.again!"]).enumerate()
        {
            let more = u32::try_from(at).unwrap() * 500;
            let count = Count { sent: 1, bytes_sent: 300 + more, received: 1, bytes_received: 50 };
            counts.insert((*name).to_owned(), count);
        }
        let table = of(&counts).unwrap();
        assert_eq!(table.row("CoAP").unwrap().post, (2, 850));
        let text = format!("before\n\n{table}\nbehind");
        assert!(text.contains("| MQTT | 2 | 2,850 |"), "{text}");
        assert_eq!(Table::read(&text), Some(table));
        assert_eq!(Table::read("nothing"), None);
        counts.remove("ssl.again!");
        assert!(of(&counts).is_err());
    }
}
