//! What a certificate says of itself: whose it is, and from when to when. For people to read, not to judge by:
//! rustls judges. A reader for the few fields of DER (X.690) that this takes, since a whole X.509 parser would be a
//! tenth of the C library.

/// The fields that people ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The subject's common name; empty if it has none.
    pub(crate) name: String,
    /// The issuer's common name; empty if it has none.
    pub(crate) issuer: String,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xA0;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// Longest name that is shown, in characters.
const MAX_NAME: usize = 64;

impl Certificate {
    /// Reads a certificate in DER; `None` if its form is another.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut whole = Der(der);
        let mut certificate = Der(whole.take(SEQUENCE)?);
        let mut tbs = Der(certificate.take(SEQUENCE)?);
        if tbs.0.first() == Some(&VERSION) {
            tbs.any()?;
        }
        // Serial number, signature algorithm.
        tbs.any()?;
        tbs.any()?;
        let issuer = common_name(tbs.take(SEQUENCE)?);
        let mut validity = Der(tbs.take(SEQUENCE)?);
        let (not_before, not_after) = (time(validity.any()?)?, time(validity.any()?)?);
        let name = common_name(tbs.take(SEQUENCE)?);
        Some(Self { name, issuer, not_before, not_after })
    }
}

/// Elements of DER, one after the other.
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    /// The next element: its tag and content.
    fn any(&mut self) -> Option<(u8, &'d [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, if it has this tag.
    fn take(&mut self, wanted: u8) -> Option<&'d [u8]> {
        self.any().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }
}

/// The last common name of a distinguished name, harmless to print.
fn common_name(name: &[u8]) -> String {
    let mut found = String::new();
    let mut sets = Der(name);
    while let Some(set) = sets.take(SET) {
        let mut pairs = Der(set);
        while let Some(pair) = pairs.take(SEQUENCE) {
            let mut pair = Der(pair);
            if pair.take(OBJECT_IDENTIFIER) == Some(COMMON_NAME)
                && let Some((_, text)) = pair.any()
            {
                let text = String::from_utf8_lossy(text);
                found = text.chars().take(MAX_NAME).flat_map(char::escape_debug).collect();
            }
        }
    }
    found
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5), in seconds since 1970.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2).and_then(|text| text.parse::<i64>().ok());
    let days = days_from_civil(year, part(0)?, part(2)?);
    Some(days * 86_400 + part(4)? * 3_600 + part(6)? * 60 + part(8)?)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that its odd day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds since 1970 as people read them: `2026-11-24 15:20:07 UTC`.
pub(crate) fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    #[test]
    fn names_and_dates_are_read() {
        for (from, to, wanted) in [
            (2024, 2031, ["2024-02-29 00:00:00 UTC", "2031-02-01 00:00:00 UTC"]),
            (1990, 2099, ["1990-03-01 00:00:00 UTC", "2099-02-01 00:00:00 UTC"]),
        ] {
            let mut params = CertificateParams::new(vec!["x".to_owned()]).unwrap();
            params.distinguished_name.push(DnType::OrganizationName, "o");
            params.distinguished_name.push(DnType::CommonName, "dev\n-1");
            params.not_before =
                date_time_ymd(from, if from == 2024 { 2 } else { 3 }, if from == 2024 { 29 } else { 1 });
            params.not_after = date_time_ymd(to, 2, 1);
            let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
            let read = Certificate::read(&der).unwrap();
            assert_eq!((read.name.as_str(), read.issuer.as_str()), ("dev\\n-1", "dev\\n-1"));
            assert_eq!([date(read.not_before), date(read.not_after)], wanted);
            // Damaged bytes are no certificate, and never a panic.
            for cut in 0..der.len() {
                let _ = Certificate::read(&der[..cut]);
                let mut bent = der.clone();
                bent[cut] ^= 0xFF;
                let _ = Certificate::read(&bent);
            }
            assert_eq!(Certificate::read(&der[..40]), None);
        }
    }

    #[test]
    fn days_and_dates_agree() {
        for days in (-800_000..800_000).step_by(97) {
            let text = date(days * 86_400 + 3_661);
            let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
            if text.len() == 23 && !text.starts_with('-') {
                assert_eq!(days_from_civil(part(0, 4), part(5, 7), part(8, 10)), days, "{text}");
                assert!(text.ends_with(" 01:01:01 UTC"), "{text}");
            }
        }
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
    }
}
