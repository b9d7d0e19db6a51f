//! Posting measurepoints (`payloads.md` §2.1). Settled by the hub's reply.

use super::envelope;
use crate::json::{self, BadValue, JsonWriter, Point};
use crate::topic::{self, Kind};
use crate::wire::Full;

/// The longest identifier of a measurepoint, event, attribute or service, in bytes (`docs-mqtt.md` §12).
pub(crate) const MAX_IDENTIFIER: usize = 128;

/// Why points cannot be sent, by the first bad one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPoints {
    None,
    TooMany,
    Id(u16),
    Value(u16, BadValue),
    Quality(u16),
}

/// Finds the first point that cannot be sent.
pub(crate) fn check(points: &[Point<'_>]) -> Result<(), BadPoints> {
    if points.is_empty() {
        return Err(BadPoints::None);
    }
    for (place, point) in points.iter().enumerate() {
        let place = u16::try_from(place).map_err(|_| BadPoints::TooMany)?;
        let id = point.id.as_bytes();
        if id.is_empty() || id.len() > MAX_IDENTIFIER || id.iter().any(|byte| *byte < 0x20 || *byte == 0x7F) {
            return Err(BadPoints::Id(place));
        }
        json::check_value(&point.value).map_err(|bad| BadPoints::Value(place, bad))?;
        if point.quality.is_some_and(|quality| quality > 9) {
            return Err(BadPoints::Quality(place));
        }
    }
    Ok(())
}

/// Writes topic and payload of a post; returns their lengths.
pub(crate) fn write(
    room: &mut [u8],
    (product_key, device_key): (&str, &str),
    id: u32,
    points: &[Point<'_>],
    time_ms: Option<u64>,
) -> Result<(usize, usize), Full> {
    const KIND: Kind<'static> = Kind::MeasurepointPost;
    envelope::message(
        room,
        |w| topic::write(w, product_key, device_key, KIND),
        |w| envelope::request(w, id, KIND, |w| params(w, points, time_ms)),
    )
}

fn params(w: &mut JsonWriter<'_>, points: &[Point<'_>], time_ms: Option<u64>) -> Result<(), Full> {
    w.raw(b"{\"measurepoints\":{")?;
    for (place, point) in points.iter().enumerate() {
        if place > 0 {
            w.raw(b",")?;
        }
        json::write_point(w, point)?;
    }
    w.raw(b"}")?;
    if let Some(time) = time_ms {
        w.raw(b",\"time\":")?;
        w.u64(time)?;
    }
    w.raw(b"}")
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::json::Value;

    fn point(id: &str) -> Point<'_> {
        Point { id, value: Value::Int(1), quality: None }
    }

    #[test]
    fn identifiers_have_their_bounds() {
        for good in ["t", "with blank", " ", "é", &"x".repeat(128)] {
            assert_eq!(check(&[point(good)]), Ok(()), "{good}");
        }
        for bad in ["", "a\u{1F}", "\u{7F}", &"x".repeat(129), &"x".repeat(300)] {
            assert_eq!(check(&[point("t"), point(bad)]), Err(BadPoints::Id(1)), "{bad:?}");
        }
        assert_eq!(check(&[]), Err(BadPoints::None));
    }

    #[test]
    fn qualities_have_their_bounds() {
        for (quality, verdict) in [(0, Ok(())), (9, Ok(())), (10, Err(BadPoints::Quality(0)))] {
            assert_eq!(check(&[Point { quality: Some(quality), ..point("t") }]), verdict);
        }
    }

    // Proves: PAYLOAD-1.1-1
    #[test]
    fn a_post_looks_as_documented() {
        let mut room = [0; 256];
        let points = [point("a"), Point { quality: Some(9), ..point("b") }];
        let (topic, payload) = write(&mut room, ("pk", "dk"), 7, &points, Some(5)).expect("it fits");
        let text = core::str::from_utf8(&room[..topic + payload]).expect("text");
        assert_eq!(
            text.split_at(topic),
            (
                "/sys/pk/dk/thing/measurepoint/post",
                r#"{"id":"7","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"a":1,"b":{"value":1,"quality":9}},"time":5}}"#
            )
        );
        assert_eq!(write(&mut room[..topic + payload - 1], ("pk", "dk"), 7, &points, Some(5)), Err(Full));
    }
}
