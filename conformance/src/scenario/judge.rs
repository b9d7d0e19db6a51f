//! Whether what came is what a scenario wants.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Fails;
use super::text::Texts;
use crate::driver::{Answer, Failure};

/// Holds words against patterns: `*` is any word, `~TEXT` holds TEXT, `$NAME` is any word and keeps it. Surplus
/// words are ignored only behind a last `...`.
pub(super) fn words(wanted: &[String], came: &[String], texts: &mut Texts) -> Result<(), String> {
    let (wanted, open) = match wanted.split_last() {
        Some((last, rest)) if last == "..." => (rest, true),
        _ => (wanted, false),
    };
    if came.len() < wanted.len() || (came.len() > wanted.len() && !open) {
        return Err(format!("wanted {wanted:?}, came {came:?}"));
    }
    for (wanted, came) in wanted.iter().zip(came) {
        if let Some(name) = wanted.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
            texts.set(name, came.as_str());
            continue;
        }
        let wanted = texts.fill(wanted)?;
        let fits = match wanted.strip_prefix('~') {
            Some(part) => came.contains(part),
            None => wanted == "*" || wanted == *came,
        };
        if !fits {
            return Err(format!("wanted \"{wanted}\", came \"{}\"", shown(came)));
        }
    }
    Ok(())
}

/// Holds a driver's answer against what a step wants.
pub(super) fn answer(
    answer: &Answer,
    gives: Option<&[String]>,
    fails: Option<&Fails>,
    texts: &mut Texts,
) -> Result<(), String> {
    match (answer, fails) {
        (Answer::Ok(results), None) => gives.map_or(Ok(()), |wanted| words(wanted, results, texts)),
        (Answer::Err(failure), Some(wanted)) => self::failure(failure, wanted),
        (Answer::Ok(_), Some(wanted)) => {
            Err(format!("it went well; wanted an error of kind {}", wanted.kind))
        }
        (Answer::Err(failure), None) => Err(format!("it failed: {failure}")),
    }
}

fn failure(came: &Failure, wanted: &Fails) -> Result<(), String> {
    if came.kind != wanted.kind.to_string() || came.hub_code != wanted.hub_code.to_string() {
        return Err(format!("wanted kind {}, hub code {}; came {came}", wanted.kind, wanted.hub_code));
    }
    match wanted.says.iter().find(|part| !came.message.contains(part.as_str())) {
        Some(part) => Err(format!("the message does not say \"{part}\": {}", came.message)),
        None => Ok(()),
    }
}

/// Holds a reply of the hub against pointers and values. A text of the form `~TEXT` asks for a part, `*` for
/// anything that is there, `!` for nothing there.
pub(super) fn json(reply: &Value, wanted: &BTreeMap<String, Value>, texts: &Texts) -> Result<(), String> {
    for (pointer, value) in wanted {
        let pointer = texts.fill(pointer)?;
        let came = reply.pointer(&pointer);
        let fits = match value {
            Value::String(text) => {
                let text = texts.fill(text)?;
                match (text.as_str(), came) {
                    ("!", came) => came.is_none(),
                    ("*", came) => came.is_some(),
                    (text, Some(Value::String(came))) => match text.strip_prefix('~') {
                        Some(part) => came.contains(part),
                        None => came == text,
                    },
                    (text, Some(came)) => {
                        text.strip_prefix('~').is_some_and(|part| came.to_string().contains(part))
                    }
                    (_, None) => false,
                }
            }
            // 2 and 2.0 are one number.
            Value::Number(number) => came.and_then(Value::as_f64) == number.as_f64() && came.is_some(),
            other => came == Some(other),
        };
        if !fits {
            let came = came.map_or("nothing".to_owned(), Value::to_string);
            return Err(format!(
                "wanted {value} at {pointer}, came {}; all of it: {}",
                shown(&came),
                shown(&reply.to_string())
            ));
        }
    }
    Ok(())
}

/// At most 1,500 characters of a text.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(1_500).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_fit_or_do_not() {
        let mut texts = Texts::default();
        words(&list("command c1 $call ~boot *"), &list("command c1 17 reboot {}"), &mut texts).unwrap();
        assert_eq!(texts.fill("${call}").as_deref(), Ok("17"));
        words(&list("a ..."), &list("a b c"), &mut texts).unwrap();
        assert!(words(&list("a b"), &list("a b c"), &mut texts).is_err());
        assert!(words(&list("a b c"), &list("a b"), &mut texts).is_err());
        assert!(words(&list("a b"), &list("a c"), &mut texts).is_err());
        assert!(words(&list("a ~x"), &list("a bcd"), &mut texts).is_err());
    }

    #[test]
    fn replies_fit_or_do_not() {
        let texts = Texts::default();
        let reply = json!({"code": 0, "list": [{"text": "wrong signature", "n": 2.0}]});
        let fits = |pointer: &str, value: Value| {
            json(&reply, &BTreeMap::from([(pointer.to_owned(), value)]), &texts)
        };
        fits("/code", json!(0)).unwrap();
        fits("/list/0/n", json!(2)).unwrap();
        fits("/list/0/text", json!("~signature")).unwrap();
        fits("/list/1", json!("!")).unwrap();
        assert!(fits("/code", json!(1)).is_err());
        assert!(fits("/list/1", json!("*")).is_err());
        assert!(fits("/nowhere", json!("~x")).is_err());
        assert!(fits("/nowhere", json!(0)).is_err());
    }

    #[test]
    fn an_error_is_judged_by_kind_code_and_words() {
        let came = Failure {
            kind: "401".to_owned(),
            hub_code: "4".to_owned(),
            retryable: "false".to_owned(),
            message: "sign-in refused. Check the secret.".to_owned(),
        };
        let wanted = |kind, hub_code, says: &[&str]| Fails {
            kind,
            hub_code,
            says: says.iter().map(|part| (*part).to_owned()).collect(),
        };
        failure(&came, &wanted(401, 4, &["refused", "Check"])).unwrap();
        assert!(failure(&came, &wanted(402, 4, &["refused", "Check"])).is_err());
        assert!(failure(&came, &wanted(401, 5, &["refused", "Check"])).is_err());
        assert!(failure(&came, &wanted(401, 4, &["refused", "Pray"])).is_err());
        let mut texts = Texts::default();
        assert!(answer(&Answer::Err(came), None, None, &mut texts).is_err());
        assert!(answer(&Answer::Ok(vec![]), None, Some(&wanted(401, 4, &[])), &mut texts).is_err());
    }
}
