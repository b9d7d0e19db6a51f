//! A pcapng file (draft-ietf-opsawg-pcapng): one section, one interface for each listener.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::Side;

/// A write inside one page of the page cache is whole or not there, even if the process is killed in it.
const PAGE: u64 = 4_096;
/// Shortest block that can fill a gap.
const SHORTEST: usize = 24;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
/// Frames begin with the IP header.
const LINKTYPE_RAW: u16 = 101;
const COMMENT: u16 = 1;

/// The file and how much of it is written.
#[derive(Debug)]
pub(super) struct PcapNg {
    file: File,
    length: u64,
}

impl PcapNg {
    pub(super) fn create(path: &Path, now_ms: u64) -> io::Result<Self> {
        let mut this = Self { file: File::create(path)?, length: 0 };
        let mut section = vec![];
        section.extend_from_slice(&0x1A2B_3C4D_u32.to_le_bytes());
        section.extend_from_slice(&[1, 0, 0, 0]);
        section.extend_from_slice(&(-1_i64).to_le_bytes());
        option(&mut section, 4, format!("mock-hub {}", env!("CARGO_PKG_VERSION")).as_bytes());
        option(
            &mut section,
            COMMENT,
            b"MQTT and CoAP traffic of a mock hub; passwords, signs and device secrets are masked",
        );
        option(&mut section, 0, &[]);
        this.block(SECTION, &section, now_ms)?;
        for (name, description) in [
            ("mqtt", "plain MQTT"),
            ("mqtts", "MQTT over TLS, decrypted; the hub is 192.0.2.1 or 2001:db8::1"),
            ("coap", "plain CoAP"),
            ("coaps", "CoAP over DTLS, decrypted; the hub is 192.0.2.1 or 2001:db8::1"),
        ] {
            let mut interface = vec![];
            interface.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
            interface.extend_from_slice(&[0; 6]);
            option(&mut interface, 2, name.as_bytes());
            option(&mut interface, 3, description.as_bytes());
            // Milliseconds: the resolution of the hub's clock.
            option(&mut interface, 9, &[3]);
            option(&mut interface, 0, &[]);
            this.block(INTERFACE, &interface, now_ms)?;
        }
        Ok(this)
    }

    /// A file that was made by somebody else.
    #[cfg(test)]
    pub(super) fn over(file: File) -> Self {
        Self { file, length: 0 }
    }

    /// Writes one frame.
    pub(super) fn packet(
        &mut self,
        side: Side,
        now_ms: u64,
        frame: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        let mut body = Vec::with_capacity(32 + frame.len());
        body.extend_from_slice(&(side as u32).to_le_bytes());
        put_time(&mut body, now_ms);
        let length = frame.len() as u32;
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(frame);
        pad(&mut body);
        if let Some(comment) = comment {
            option(&mut body, COMMENT, comment.as_bytes());
            option(&mut body, 0, &[]);
        }
        self.block(PACKET, &body, now_ms)
    }

    /// Writes one block, inside a page: what is left of the page before it is filled, if it would not fit.
    fn block(&mut self, kind: u32, body: &[u8], now_ms: u64) -> io::Result<()> {
        let size = body.len() + 12;
        let left = (PAGE - self.length % PAGE) as usize;
        if size != left && size + SHORTEST > left && left < PAGE as usize {
            self.write(STATISTICS, &filler(left - 12, now_ms))?;
        }
        self.write(kind, body)
    }

    fn write(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let size = body.len() as u32 + 12;
        let mut block = Vec::with_capacity(body.len() + 12);
        block.extend_from_slice(&kind.to_le_bytes());
        block.extend_from_slice(&size.to_le_bytes());
        block.extend_from_slice(body);
        block.extend_from_slice(&size.to_le_bytes());
        let written = self.file.write_all(&block);
        match written {
            Ok(()) => self.length += u64::from(size),
            // A disk that is full took half a block: the file is to stay readable.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        written
    }
}

/// The body of an interface statistics block without statistics: a block that readers skip, of any size from
/// [`SHORTEST`] on.
fn filler(size: usize, now_ms: u64) -> Vec<u8> {
    let mut body = 0_u32.to_le_bytes().to_vec();
    put_time(&mut body, now_ms);
    match size - body.len() {
        0 => {}
        4 => option(&mut body, 0, &[]),
        room => {
            option(&mut body, COMMENT, &vec![b' '; room - 8]);
            option(&mut body, 0, &[]);
        }
    }
    body
}

/// High half first, each half little endian.
fn put_time(body: &mut Vec<u8>, now_ms: u64) {
    body.extend_from_slice(&((now_ms >> 32) as u32).to_le_bytes());
    body.extend_from_slice(&(now_ms as u32).to_le_bytes());
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    while !body.len().is_multiple_of(4) {
        body.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file as strictly as a reader may: every block whole, both lengths alike, none over a page's end.
    #[test]
    fn every_block_is_whole_and_inside_a_page() {
        let path = std::env::temp_dir().join(format!("mock-hub-blocks-{}.pcapng", std::process::id()));
        let mut file = PcapNg::create(&path, 1_700_000_000_000).unwrap();
        let comment = "x".repeat(7);
        for size in 0..3_000 {
            let comment = Some(&*comment).filter(|_| size % 3 == 0);
            file.packet(Side::Plain, 1_700_000_000_000, &vec![7; size % 1_450], comment).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (mut at, mut packets) = (0, 0);
        while at < bytes.len() {
            let size = word(at + 4) as usize;
            assert!(size >= 12 && size.is_multiple_of(4) && at + size <= bytes.len(), "at {at}");
            assert_eq!(word(at + size - 4) as usize, size, "at {at}");
            assert_eq!(at as u64 / PAGE, (at + size - 1) as u64 / PAGE, "at {at}");
            packets += usize::from(word(at) == PACKET);
            at += size;
        }
        assert_eq!((packets, bytes.len() as u64), (3_000, file.length));
    }
}
