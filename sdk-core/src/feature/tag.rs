//! Reading tags (`payloads.md` §3): for now the one query that asks for nothing, to hear whether the hub answers.

use super::envelope;
use crate::topic::{self, Kind};
use crate::wire::Full;

/// One tag that nobody sets, so that the reply is short.
const PARAMS: &[u8] = br#"{"tags":["enos.sdk.probe"]}"#;

/// Writes topic and payload of a query for one tag that nobody sets; returns their lengths. It changes nothing at
/// the hub, and every reply to it, a refusal too, shows that the hub answers EnOS messages of this device.
pub(crate) fn write_probe(
    room: &mut [u8],
    (product_key, device_key): (&str, &str),
    id: u32,
) -> Result<(usize, usize), Full> {
    const KIND: Kind<'static> = Kind::TagQuery;
    envelope::message(
        room,
        |w| topic::write(w, product_key, device_key, KIND),
        |w| envelope::request(w, id, KIND, |w| w.raw(PARAMS)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_asks_for_one_tag_and_says_nothing_else() {
        let mut room = [0; 160];
        let (topic, payload) = write_probe(&mut room, ("pk", "dk"), 7).expect("it fits");
        let text = core::str::from_utf8(&room[..topic + payload]).expect("text");
        assert_eq!(
            text.split_at(topic),
            (
                "/sys/pk/dk/thing/tag/query",
                r#"{"id":"7","version":"1.0","method":"thing.tag.query","params":{"tags":["enos.sdk.probe"]}}"#
            )
        );
        assert_eq!(write_probe(&mut room[..topic + payload - 1], ("pk", "dk"), 7), Err(Full));
    }
}
