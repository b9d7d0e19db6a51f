//! The SQL-like expressions of search calls: `status = 'online' and (productKey in ('a','b') or not exists(tags.k))`.

use std::cmp::Ordering;

use serde_json::Value;
use time::UtcOffset;

use crate::domain::local_time;

/// Bytes of an expression.
const MAX_TEXT: usize = 4 * 1024;
/// Brackets and `not` inside each other.
const MAX_DEPTH: u32 = 32;

/// A parsed expression.
#[derive(Debug)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Exists(String),
    In(String, Vec<String>),
    Compare(String, Comparison, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

impl Expression {
    /// Parses an expression over the given fields; one that ends in a dot stands for all below it.
    /// A `createTime` may be written as `2019-08-13 09:00:00`, in `zone`.
    pub(super) fn parse(
        text: &str,
        fields: &'static [&'static str],
        zone: UtcOffset,
    ) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("longer than {MAX_TEXT} bytes"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: tokens.into_iter().peekable(), fields, zone, depth: 0 };
        let expression = parser.any()?;
        match parser.tokens.next() {
            None => Ok(expression),
            Some(token) => Err(format!("{token:?} does not belong here")),
        }
    }

    /// Tells whether an item matches.
    pub(super) fn matches(&self, item: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(item)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(item)),
            Self::Not(inner) => !inner.matches(item),
            Self::Exists(field) => !values(item, field).is_empty(),
            Self::In(field, wanted) => {
                values(item, field).iter().any(|value| wanted.iter().any(|wanted| value == wanted))
            }
            Self::Compare(field, comparison, wanted) => {
                let found = values(item, field);
                if *comparison == Comparison::NotEqual {
                    return found.iter().all(|value| value != wanted);
                }
                found.iter().any(|value| compare(value, *comparison, wanted))
            }
        }
    }
}

/// The texts that a field stands for: one, or for a name every translation.
pub(super) fn values(item: &Value, field: &str) -> Vec<String> {
    let mut at = item;
    for step in field.split('.') {
        // A name is asked for by locale, and falls back to its default.
        at = match (at.get("i18nValue"), at.get("defaultValue")) {
            (Some(translations), Some(default)) => translations.get(step).unwrap_or(default),
            _ => match at.get(step) {
                Some(inner) => inner,
                None => return Vec::new(),
            },
        };
    }
    match at {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Object(fields) if fields.contains_key("defaultValue") => {
            let translations = fields.get("i18nValue").and_then(Value::as_object);
            let all = fields
                .get("defaultValue")
                .into_iter()
                .chain(translations.into_iter().flat_map(|map| map.values()));
            all.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        }
        other => vec![other.to_string()],
    }
}

fn compare(value: &str, comparison: Comparison, wanted: &str) -> bool {
    let order = match (value.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(value), Ok(wanted)) => value.partial_cmp(&wanted),
        _ => Some(value.cmp(wanted)),
    };
    match comparison {
        Comparison::Equal => value == wanted || order == Some(Ordering::Equal),
        Comparison::NotEqual => value != wanted,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Like => value.to_lowercase().contains(&wanted.trim_matches('%').to_lowercase()),
    }
}

/// Whether a search may name a field; a known one that ends in a dot stands for all below it.
pub(super) fn is_known(field: &str, fields: &[&str]) -> bool {
    fields.iter().any(|known| match known.strip_suffix('.') {
        Some(prefix) => {
            field.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
        }
        None => field == *known,
    })
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    fields: &'static [&'static str],
    zone: UtcOffset,
    depth: u32,
}

impl Parser {
    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") {
            parts.push(self.all()?);
        }
        Ok(Expression::Any(parts))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        Ok(Expression::All(parts))
    }

    fn one(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let one = if self.takes_word("not") {
            Expression::Not(Box::new(self.one()?))
        } else if self.takes_sign("(") {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(one)
    }

    fn condition(&mut self) -> Result<Expression, String> {
        let Some(Token::Word(field)) = self.tokens.next() else { return Err("expected a field".to_owned()) };
        if field.eq_ignore_ascii_case("exists") {
            self.expect("(")?;
            let Some(Token::Word(field)) = self.tokens.next() else {
                return Err("expected a field".to_owned());
            };
            self.expect(")")?;
            return self.known(field).map(Expression::Exists);
        }
        let field = self.known(field)?;
        if self.takes_word("in") {
            self.expect("(")?;
            let mut wanted = vec![self.literal(&field)?];
            while self.takes_sign(",") {
                wanted.push(self.literal(&field)?);
            }
            self.expect(")")?;
            return Ok(Expression::In(field, wanted));
        }
        let comparison = match self.tokens.next() {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("!=")) => Comparison::NotEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("like") => Comparison::Like,
            _ => return Err(format!("expected = != < <= > >= in or like after {field}")),
        };
        let wanted = self.literal(&field)?;
        Ok(Expression::Compare(field, comparison, wanted))
    }

    fn literal(&mut self, field: &str) -> Result<String, String> {
        match self.tokens.next() {
            // The search filter calls the state "disable" that the device struct calls "disabled".
            Some(Token::Text(text) | Token::Word(text)) if field == "status" && text == "disable" => {
                Ok("disabled".to_owned())
            }
            Some(Token::Text(text)) if field == "createTime" && text.parse::<u64>().is_err() => {
                let at = local_time::parse_local(&text, self.zone).or_else(|| local_time::parse_zoned(&text));
                at.map(|at| at.to_string()).ok_or_else(|| {
                    format!("\"{text}\" is no time: milliseconds, or like 2019-08-13 09:00:00")
                })
            }
            Some(Token::Text(text) | Token::Word(text)) => Ok(text),
            _ => Err(format!("expected a value for {field}")),
        }
    }

    fn known(&self, field: String) -> Result<String, String> {
        if is_known(&field, self.fields) {
            Ok(field)
        } else {
            Err(format!("\"{field}\" is no field of this search: {}", self.fields.join(" ")))
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)))
            .is_some()
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Sign(found) if *found == sign)).is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.takes_sign(sign) { Ok(()) } else { Err(format!("expected {sign}")) }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 10] = ["!=", "<=", ">=", "<>", "(", ")", ",", "=", "<", ">"];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let inner = &rest[1..];
            let end = inner.find(first).ok_or("a quote is not closed")?;
            found.push(Token::Text(inner[..end].to_owned()));
            rest = &inner[end + 1..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Sign(if *sign == "<>" { "!=" } else { sign }));
            rest = &rest[sign.len()..];
        } else {
            let end = rest
                .find(|character: char| character.is_whitespace() || "()=!<>,'\"".contains(character))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("\"{first}\" does not belong here"));
            }
            found.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const FIELDS: &[&str] =
        &["status", "productKey", "deviceName", "deviceName.", "deviceTags.", "state", "createTime"];

    fn parse(text: &str) -> Result<Expression, String> {
        Expression::parse(text, FIELDS, local_time::zone("+08:00"))
    }

    // Proves: MODEL-9.1-4
    #[test]
    fn expressions_match_as_documented() {
        let item = json!({"status": "disabled", "productKey": "a", "state": 2, "createTime": 1_700_000_000_000_u64,
            "deviceName": {"defaultValue": "PV Inverter 2A", "i18nValue": {"zh_CN": "逆变器"}}, "deviceTags": {"k1": "v1"}});
        for (text, expected) in [
            ("status = 'disable'", true),
            ("status=\"disabled\"", true),
            ("status != 'online' AND productKey in ('a', 'b')", true),
            ("productKey in ('b')", false),
            ("deviceName like 'inverter'", true),
            ("deviceName like '%inverter%'", true),
            ("deviceName.zh_CN like '逆变'", true),
            ("deviceName.en_US like 'pv'", true),
            ("deviceName.default like 'pv'", true),
            ("deviceTags.k1 = 'v1'", true),
            ("exists(deviceTags.k1)", true),
            ("not exists(deviceTags.k1)", false),
            ("deviceTags.k2 = 'v1'", false),
            ("state = 2", true),
            ("state = 3 or (state >= 2 and state < 3)", true),
            ("createTime > 1699999999999", true),
            ("createTime <= 5", false),
            // 1,700,000,000,000 ms is 06:13:20 in the zone of these tests.
            ("createTime >= \"2023-11-15 06:13:20\"", true),
            ("createTime > '2023-11-15 06:13:20'", false),
            ("createTime < '2023-11-14T22:13:21Z'", true),
        ] {
            assert_eq!(parse(text).unwrap().matches(&item), expected, "{text}");
        }
    }

    // Proves: MODEL-9.1-5
    #[test]
    fn faults_say_what_was_expected() {
        for (text, expected) in [
            ("", "expected a field"),
            ("colour = 1", "\"colour\" is no field"),
            ("deviceTags. = 1", "is no field"),
            ("status", "expected = !="),
            ("status = ", "expected a value"),
            ("status = 'a", "a quote is not closed"),
            ("(status = 'a'", "expected )"),
            ("status = 'a' 'b'", "does not belong here"),
            ("status in 'a'", "expected ("),
            ("!", "does not belong here"),
            ("createTime > 'soon'", "\"soon\" is no time"),
        ] {
            let reason = parse(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
        }
        assert!(parse(&"(".repeat(4_000)).unwrap_err().contains("nested deeper"));
        assert!(parse(&"x".repeat(5_000)).unwrap_err().contains("longer"));
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in "\\PC{0,60}|[a-z()=!<>'\", .]{0,60}") {
            let _ = parse(&text);
        }
    }
}
