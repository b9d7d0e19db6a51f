//! Wall time as the REST API writes it: in the time zone of a device, whole seconds or milliseconds.

use time::format_description::BorrowedFormatItem as Item;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// `2020-04-20 00:00:00`.
const LOCAL: &[Item<'static>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const LOCAL_MS: &[Item<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
/// `2020-04-20T00:00:00+08:00`.
const ZONED: &[Item<'static>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
);
const ZONED_MS: &[Item<'static>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3][offset_hour sign:mandatory]:[offset_minute]"
);
const ZONE: &[Item<'static>] = format_description!("[offset_hour sign:mandatory]:[offset_minute]");

/// The time zone of a device, such as `+08:00`; UTC if it is written in no such form.
pub(crate) fn zone(text: &str) -> UtcOffset {
    UtcOffset::parse(text, ZONE).unwrap_or(UtcOffset::UTC)
}

/// Reads `2020-04-20 00:00:00` in a zone; milliseconds since the Unix epoch.
pub(crate) fn parse_local(text: &str, zone: UtcOffset) -> Option<i64> {
    let local = PrimitiveDateTime::parse(text, LOCAL).or_else(|_| PrimitiveDateTime::parse(text, LOCAL_MS));
    local.ok().map(|local| unix_ms(local.assume_offset(zone)))
}

/// Reads `2020-04-20T00:00:00+08:00`, also with `Z` and with milliseconds.
pub(crate) fn parse_zoned(text: &str) -> Option<i64> {
    let zoned = text.strip_suffix('Z').map(|utc| format!("{utc}+00:00"));
    let text = zoned.as_deref().unwrap_or(text);
    let zoned = OffsetDateTime::parse(text, ZONED).or_else(|_| OffsetDateTime::parse(text, ZONED_MS));
    zoned.ok().map(unix_ms)
}

/// Writes a time in a zone: with or without milliseconds, with or without the zone. None for a time that no calendar
/// of four-digit years holds.
pub(crate) fn write(unix_ms: i64, zone: UtcOffset, milliseconds: bool, with_zone: bool) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()?;
    let at = at.checked_to_offset(zone).filter(|at| (0..=9999).contains(&at.year()))?;
    let format = match (with_zone, milliseconds) {
        (false, false) => LOCAL,
        (false, true) => LOCAL_MS,
        (true, false) => ZONED,
        (true, true) => ZONED_MS,
    };
    at.format(format).ok()
}

fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_the_zone_of_the_device() {
        let china = zone("+08:00");
        let ms = 1_587_312_000_123;
        for (milliseconds, with_zone, text) in [
            (false, false, "2020-04-20 00:00:00"),
            (true, false, "2020-04-20 00:00:00.123"),
            (false, true, "2020-04-20T00:00:00+08:00"),
            (true, true, "2020-04-20T00:00:00.123+08:00"),
        ] {
            assert_eq!(write(ms, china, milliseconds, with_zone).as_deref(), Some(text));
            let read = if with_zone { parse_zoned(text) } else { parse_local(text, china) };
            assert_eq!(read, Some(if milliseconds { ms } else { ms - 123 }), "{text}");
        }
        assert_eq!(parse_zoned("2020-04-19T16:00:00Z"), Some(1_587_312_000_000));
        assert_eq!(parse_zoned("2020-04-19T11:30:00-04:30"), Some(1_587_312_000_000));
        for bad in ["", "2020-04-20", "2020-13-20 00:00:00", "yesterday", "2020-04-20T00:00:00"] {
            assert_eq!((parse_local(bad, china), parse_zoned(bad)), (None, None), "{bad}");
        }
        assert_eq!((zone("Asia/Shanghai"), zone("")), (UtcOffset::UTC, UtcOffset::UTC));
    }

    #[test]
    fn odd_device_times_do_not_panic() {
        for ms in [i64::MIN, -1, 0, i64::MAX, 253_402_300_799_999, -62_167_219_200_000] {
            for text in ["+14:00", "-12:00", "+00:00"] {
                let _ = write(ms, zone(text), true, true);
            }
        }
        assert_eq!(write(i64::MAX, UtcOffset::UTC, false, false), None);
        assert_eq!(write(-1, UtcOffset::UTC, true, false).as_deref(), Some("1969-12-31 23:59:59.999"));
    }
}
