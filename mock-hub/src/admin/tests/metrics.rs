//! `/metrics` against the grammar of Prometheus' text format 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What a page says: the type of each family and the value of each sample.
#[derive(Debug, Default)]
struct Page {
    families: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Reads `name="value",…`; gives the names.
fn labels(mut text: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name) || name.contains(':') || !names.insert(name.to_owned()) {
            return Err(format!("the label name {name:?}"));
        }
        let mut end = None;
        let mut escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                _ if escaped && matches!(c, '\\' | '"' | 'n') => escaped = false,
                _ if escaped => return Err(format!("the escape \\{c}")),
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.ok_or("a label value that does not end")?;
        text = match &rest[end + 1..] {
            "" => "",
            rest => rest.strip_prefix(',').ok_or("no comma between labels")?,
        };
    }
    Ok(names)
}

/// Reads a page strictly: HELP and TYPE before the samples of a family, families together, no sample twice.
fn parse(text: &str) -> Result<Page, String> {
    let mut page = Page::default();
    let mut current = String::new();
    let mut helped = String::new();
    let text = text.strip_suffix('\n').ok_or("the last line does not end")?;
    for line in text.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("HELP without a text")?;
            if !is_name(name) || help.is_empty() || page.families.contains_key(name) {
                return Err(format!("HELP {name}"));
            }
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            if helped != name || !matches!(kind, "counter" | "gauge") {
                return Err(format!("TYPE {name} {kind}"));
            }
            if (kind == "counter") != name.ends_with("_total") {
                return Err(format!("{name} is a {kind}"));
            }
            page.families.insert(name.to_owned(), kind.to_owned());
            current = name.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').ok_or_else(|| format!("the line {line:?}"))?;
            let name = match series.split_once('{') {
                Some((name, rest)) => {
                    labels(rest.strip_suffix('}').ok_or("labels that do not end")?)?;
                    name
                }
                None => series,
            };
            if name != current {
                return Err(format!("{name} stands below {current}"));
            }
            let value = value.parse().map_err(|_| format!("the value {value:?}"))?;
            if page.samples.insert(series.to_owned(), value).is_some() {
                return Err(format!("{series} stands twice"));
            }
        }
    }
    Ok(page)
}

async fn page(rest: &Rest) -> Page {
    let (status, text) = rest.call(Method::GET, "/metrics", "").await;
    assert_eq!(status, StatusCode::OK);
    parse(text.as_str().unwrap()).unwrap_or_else(|wrong| panic!("{wrong} in {text}"))
}

#[test]
fn the_grammar_check_refuses_what_is_wrong() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    assert!(parse(&format!("{head}a_total{{x=\"\\\"}},\",y=\"\"}} 1\na_total 2\n")).is_ok());
    for wrong in [
        "a_total 1",
        "a_total 1\na_total 1\n",
        "b 1\n",
        "a_total{x=\"1} 1\n",
        "a_total{x=\"\\d\"} 1\n",
        "a_total{x=\"1\"y=\"2\"} 1\n",
        "a_total{1=\"1\"} 1\n",
        "a_total one\n",
        "\n",
        "# HELP a_total x\n",
        "# TYPE c gauge\n",
    ] {
        assert!(parse(&format!("{head}{wrong}")).is_err(), "{wrong}");
    }
    assert!(parse("# HELP a x\n# TYPE a counter\na 1\n").is_err(), "a counter ends in _total");
}

#[tokio::test]
async fn metrics_follow_what_happens() {
    let rest = Rest::new();
    let before = page(&rest).await;
    assert_eq!(before.samples["mock_hub_connections"], 0.0);
    let device = rest.device("Tq4zR9Lw/t-1");
    let topic = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";
    device.say(topic, r#"{"id":"1","params":{"measurepoints":{"temp":1}}}"#);
    device.say(topic, r#"{"id":"2","params":{"measurepoints":{"nope":1}}}"#);
    device.say(topic, "no JSON");
    let refused = rest.cloud.sign_in(SignIn {
        client_id: "t-2|securemode=2,signmethod=sha256,timestamp=1|",
        username: "t-2&Tq4zR9Lw",
        password: b"wrong",
        clean_session: true,
        keep_alive_s: 60,
        peer: "127.0.0.1:40000".parse().unwrap(),
        tls: None,
    });
    assert!(refused.is_err());
    let after = page(&rest).await;
    for (series, value) in [
        ("mock_hub_connections", 1.0),
        ("mock_hub_devices{status=\"online\"}", 1.0),
        ("mock_hub_connects_accepted_total", 1.0),
        ("mock_hub_connects_refused_total{code=\"742\"}", 1.0),
        ("mock_hub_requests_accepted_total", 1.0),
        ("mock_hub_requests_refused_total{code=\"1204\"}", 1.0),
        ("mock_hub_requests_refused_total{code=\"1220\"}", 1.0),
        ("mock_hub_commands{state=\"sent\"}", 0.0),
        ("mock_hub_store_ready", 1.0),
        ("mock_hub_store_changes_total", 0.0),
        ("mock_hub_store_items{kind=\"models\"}", before.samples["mock_hub_store_items{kind=\"models\"}"]),
    ] {
        assert_eq!(after.samples.get(series), Some(&value), "{series}: {:#?}", after.samples);
    }
    assert!(after.samples["mock_hub_journal_lines_total"] > before.samples["mock_hub_journal_lines_total"]);
    let none = after.samples.keys().find(|series| series.contains("t-1") || series.contains("Tq4zR9Lw"));
    assert_eq!(none, None, "a device may not be a label");
}
