//! The writer and the reader against each other, against `serde_json` and against anything at all.

use super::*;
use crate::wire::Full;
use proptest::collection::vec;
use proptest::prelude::*;
extern crate std;
use std::string::{String, ToString};
use std::vec::Vec;

/// Reads every member to the end, what is inside them too.
fn walk(json: &[u8]) -> Result<Vec<(Text<'_>, Raw<'_>)>, JsonError> {
    let mut members = Members::new(json)?;
    let mut all = Vec::new();
    while let Some(member) = members.next()? {
        all.push(member);
    }
    Ok(all)
}

fn written(write: impl Fn(&mut JsonWriter<'_>) -> Result<(), Full>) -> String {
    let mut out = std::vec![0; 100_000];
    let mut w = JsonWriter::new(&mut out);
    write(&mut w).unwrap();
    let text: String = core::str::from_utf8(w.as_slice()).unwrap().into();
    for room in [0, 1, text.len() / 2, text.len() - 1] {
        let mut out = std::vec![0; room.min(text.len() - 1)];
        assert_eq!(write(&mut JsonWriter::new(&mut out)), Err(Full));
    }
    text
}

#[test]
fn reads_a_reply() {
    let json = b" {\"id\": \"41\",\t\"code\":200,\r\n\"data\":{\"a\":[1,{}]} } ";
    let all = walk(json).unwrap();
    assert!(all[0].0.eq_str("id") && all[0].1.as_text().unwrap().eq_str("41"));
    assert!(all[1].0.eq_str("code") && !all[1].0.eq_str("cod") && !all[1].0.eq_str("codes"));
    assert_eq!((all[0].1.as_i64(), all[1].1.as_i64(), all[2].1.as_i64()), (Some(41), Some(200), None));
    assert_eq!(all[2].1.as_bytes(), b"{\"a\":[1,{}]}");
    assert!(walk(b"{}").unwrap().is_empty());
}

#[test]
fn a_text_without_escapes_is_told_apart() {
    for (json, plain) in [("\"abc\"", Some("abc")), ("\"\"", Some("")), (r#""a\n""#, None), (r#""\\""#, None)]
    {
        let text = Raw::parse(json.as_bytes()).unwrap().as_text().unwrap();
        assert_eq!(text.as_plain(), plain, "{json}");
    }
    let all = walk(br#"{"abc":1,"a\u0062c":2}"#).unwrap();
    let plain: Vec<_> = all.iter().map(|(key, _)| (key.as_plain(), key.eq_str("abc"))).collect();
    assert_eq!(plain, [(Some("abc"), true), (None, true)]);
}

#[test]
fn control_characters_are_found_wherever_they_stand() {
    for byte in 0..=0x7F_u8 {
        for place in 0..20 {
            let mut json = [b'x'; 22];
            (json[0], json[21], json[place + 1]) = (b'"', b'"', byte);
            let read = Raw::parse(&json).map_err(|error| (error.kind, error.at));
            match byte {
                0..0x20 => assert_eq!(read, Err((JsonErrorKind::ControlCharacter, place + 1)), "{byte:#x}"),
                b'"' | b'\\' => assert!(read.is_err() || byte == b'\\'),
                _ => assert!(read.is_ok(), "{byte:#x} at {place}"),
            }
        }
    }
}

#[test]
fn texts_of_nothing_but_escapes_are_escaped() {
    for (text, json) in [
        ("\\", r#""\\""#),
        ("\\\\", r#""\\\\""#),
        ("\"", r#""\"""#),
        ("\n", r#""\n""#),
        (" ", "\" \""),
        ("\u{1a}\u{0f}", r#""\u001a\u000f""#),
    ] {
        assert_eq!(written(|w| w.string(text)), json);
    }
}

/// One value inside so many arrays or structs.
fn inside(depth: usize, in_struct: bool, then: &mut dyn FnMut(&Value<'_>)) {
    fn wrap(value: &Value<'_>, depth: usize, in_struct: bool, then: &mut dyn FnMut(&Value<'_>)) {
        if depth == 0 {
            then(value);
        } else if in_struct {
            wrap(&Value::Struct(&[("k", *value)]), depth - 1, in_struct, then);
        } else {
            wrap(&Value::Array(&[*value]), depth - 1, in_struct, then);
        }
    }
    wrap(&Value::Int(1), depth, in_struct, then);
}

#[test]
fn values_are_nested_as_deep_as_agreed() {
    for in_struct in [false, true] {
        let (open, close) = if in_struct { ("{\"k\":", "}") } else { ("[", "]") };
        for (depth, core, verdict) in
            [(MAX_DEPTH, "1", Ok(())), (MAX_DEPTH + 1, "null", Err(BadValue::TooDeep))]
        {
            inside(depth, in_struct, &mut |value| {
                assert_eq!(check_value(value), verdict, "{depth}");
                // Unchecked, what lies too deep is not written.
                let levels = depth.min(MAX_DEPTH);
                let wanted = open.repeat(levels) + core + &close.repeat(levels);
                assert_eq!(written(|w| write_value(w, value)), wanted);
            });
        }
    }
    assert_eq!(BadValue::TooDeep.to_string(), "value is nested too deep");
    assert_eq!(BadValue::NotFinite.to_string(), "NaN or infinity cannot be sent");
}

#[test]
fn a_writer_knows_whether_it_is_empty() {
    let mut out = [0; 8];
    let mut w = JsonWriter::new(&mut out);
    assert!(w.is_empty());
    for (digit, len) in [(1, 1), (2, 2)] {
        w.u64(digit).unwrap();
        assert!(!w.is_empty() && w.len() == len);
    }
}

#[test]
fn errors_say_what_and_where() {
    let said = |json: &[u8]| Raw::parse(json).unwrap_err().to_string();
    assert_eq!(said(b"[1,"), "JSON: ends too early at byte 3");
    assert_eq!(said(b"{} x"), "JSON: bytes after the value at byte 3");
    assert_eq!(said(b"\"a\x01\""), "JSON: control character in a string at byte 2");
    assert_eq!(said(b"[01]"), "JSON: malformed number at byte 2");
}

#[test]
fn a_key_that_comes_twice_is_handed_out_twice() {
    let all = walk(b"{\"a\":1,\"a\":2}").unwrap();
    let values: Vec<_> = all.iter().map(|(key, value)| (key.raw(), value.as_i64())).collect();
    assert_eq!(values, [("a", Some(1)), ("a", Some(2))]);
}

#[test]
fn walks_what_is_inside() {
    let value = Raw::parse(b" [1, \"x\" ,{\"k\":null,\"l\":false} ] ").unwrap();
    let mut elements = value.elements().unwrap();
    let mut kinds = Vec::new();
    let mut last = None;
    while let Some(element) = elements.next().unwrap() {
        kinds.push(element.kind());
        last = Some(element);
    }
    assert_eq!(kinds, [JsonKind::Number, JsonKind::String, JsonKind::Object]);
    let mut members = last.unwrap().members().unwrap();
    assert_eq!(members.next().unwrap().unwrap().1.kind(), JsonKind::Null);
    assert_eq!(members.next().unwrap().unwrap().1.kind(), JsonKind::Bool);
    assert!(members.next().unwrap().is_none() && members.next().unwrap().is_none());

    let wrong = JsonError { kind: JsonErrorKind::WrongKind, at: 0 };
    assert_eq!(value.members().err(), Some(wrong));
    assert_eq!(Raw::parse(b"1").unwrap().elements().err(), Some(wrong));
    assert_eq!(Members::new(b"[1]").err(), Some(wrong));
    assert_eq!(Raw::parse(b"[]").unwrap().kind(), JsonKind::Array);
}

// Proves: PAYLOAD-1.4-5
#[test]
fn whole_numbers() {
    for (json, number) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("200", Some(200)),
        ("\"1101\"", Some(1101)),
        ("\"-1\"", Some(-1)),
        ("\"007\"", Some(7)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("200.0", None),
        ("2e2", None),
        ("\"\"", None),
        ("\"-\"", None),
        ("\" 1\"", None),
        ("\"1 \"", None),
        ("\"\\u0031\"", None),
        ("\"--1\"", None),
        ("true", None),
        ("null", None),
        ("[1]", None),
    ] {
        assert_eq!(Raw::parse(json.as_bytes()).unwrap().as_i64(), number, "{json}");
    }
}

#[test]
fn every_refusal_and_its_place() {
    use JsonErrorKind::*;
    let cases: &[(JsonErrorKind, usize, &[u8])] = &[
        (NotUtf8, 2, b"{\"\xFF\":1}"),
        (NotUtf8, 2, b"{\"\xED\xA0\x80\":1}"),
        (Incomplete, 0, b""),
        (Incomplete, 2, b"  "),
        (Incomplete, 1, b"{"),
        (Incomplete, 5, b"{\"a\":"),
        (Incomplete, 6, b"{\"a\":1"),
        (Incomplete, 7, b"{\"a\":1,"),
        (Incomplete, 3, b"{\"a"),
        (Incomplete, 4, b"{\"a\\"),
        (Incomplete, 6, b"{\"a\\u0"),
        (Incomplete, 6, b"{\"a\":-"),
        (Incomplete, 7, b"{\"a\":1."),
        (Incomplete, 8, b"{\"a\":1e+"),
        (Incomplete, 8, b"{\"a\":tru"),
        (Incomplete, 6, b"{\"a\":["),
        (Incomplete, 8, b"{\"a\":[1,"),
        // A byte order mark.
        (Unexpected, 0, b"\xEF\xBB\xBF{}"),
        (Unexpected, 1, b"{a:1}"),
        (Unexpected, 1, b"{,}"),
        (Unexpected, 4, b"{\"a\"1}"),
        (Unexpected, 5, b"{\"a\":}"),
        (Unexpected, 5, b"{\"a\":,}"),
        (Unexpected, 7, b"{\"a\":1,}"),
        (Unexpected, 7, b"{\"a\":1 \"b\":2}"),
        (Unexpected, 6, b"{\"a\":1]"),
        (Unexpected, 8, b"{\"a\":[1,]}"),
        (Unexpected, 7, b"{\"a\":[1}"),
        (Unexpected, 10, b"{\"a\":{\"b\":}}"),
        (Unexpected, 12, b"{\"a\":{\"b\":1,}}"),
        (Unexpected, 5, b"{\"a\":NaN}"),
        (Unexpected, 5, b"{\"a\":Infinity}"),
        (Unexpected, 5, b"{\"a\":+1}"),
        (Unexpected, 5, b"{\"a\":.5}"),
        (Unexpected, 6, b"{\"a\":nULL}"),
        (Unexpected, 5, b"{\"a\":'b'}"),
        (Unexpected, 5, b"{\"a\":/**/1}"),
        (Unexpected, 5, b"{\"a\":\x0b1}"),
        (ControlCharacter, 2, b"{\"\n\":1}"),
        (ControlCharacter, 12, b"{\"0123456789\0\":1}"),
        (ControlCharacter, 8, b"{\"a\":\"\\n\t\"}"),
        (BadEscape, 3, b"{\"\\x41\":1}"),
        (BadEscape, 6, b"{\"\\u00g0\":1}"),
        (BadEscape, 3, b"{\"\\U0041\":1}"),
        (BadNumber, 6, b"{\"a\":01}"),
        (BadNumber, 6, b"{\"a\":--1}"),
        (BadNumber, 6, b"{\"a\":-Infinity}"),
        (BadNumber, 7, b"{\"a\":1.}"),
        (BadNumber, 7, b"{\"a\":1.e1}"),
        (BadNumber, 7, b"{\"a\":1e}"),
        (BadNumber, 7, b"{\"a\":1e.5}"),
        (TrailingBytes, 3, b"{} x"),
        (TrailingBytes, 8, b"{\"a\":1} {}"),
        (TrailingBytes, 2, b"{}\0"),
        (WrongKind, 0, b"[]"),
        (WrongKind, 0, b"\"text\""),
        (WrongKind, 0, b"null"),
    ];
    for (kind, at, json) in cases {
        let shown = String::from_utf8_lossy(json);
        assert_eq!(walk(json).err(), Some(JsonError { kind: *kind, at: *at }), "{shown}");
    }
}

#[test]
fn depth_costs_an_error_and_no_stack() {
    let nested = |depth: usize, open: &str, close: &str| {
        std::format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("[", "]"), ("{\"b\":", "}"), (" [ 2 , ", " ] ")] {
        let deepest = MAX_READ_DEPTH as usize - 1;
        assert!(walk(nested(deepest, open, close).as_bytes()).is_ok());
        for depth in [deepest + 1, 10_000] {
            let error = walk(nested(depth, open, close).as_bytes()).unwrap_err();
            assert_eq!(error.kind, JsonErrorKind::TooDeep);
        }
    }
    // An empty container counts as well.
    let error = walk(std::format!("{{\"a\":{}[]", "[".repeat(31)).as_bytes()).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooDeep);
    assert_eq!(Raw::parse("[".repeat(10_000).as_bytes()).unwrap_err().kind, JsonErrorKind::TooDeep);
}

// Proves: PAYLOAD-1.4-3
#[test]
fn escapes_are_understood_without_a_copy() {
    let raw = Raw::parse(br#""\u0041\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 \u6e29""#).unwrap();
    let text = raw.as_text().unwrap();
    let expected = "A\"\\/\u{8}\u{c}\n\r\té😀 温";
    assert!(text.eq_str(expected) && !text.eq_str("A") && !text.eq_str(&(expected.to_string() + "x")));
    assert_eq!(text.as_plain(), None);
    let mut out = [0; 64];
    let len = text.unescape(&mut out).unwrap();
    assert_eq!(&out[..len], expected.as_bytes());
    assert_eq!(text.unescape(&mut out[..len - 1]), Err(Full));

    // The corners of what surrogate pairs can say.
    for (raw, expected) in [
        (r#""\ud800\udc00""#, "\u{10000}"),
        (r#""\uDBFF\uDFFF""#, "\u{10FFFF}"),
        (r#""\ud800\udfff""#, "\u{103FF}"),
        (r#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}"),
    ] {
        assert!(Raw::parse(raw.as_bytes()).unwrap().as_text().unwrap().eq_str(expected), "{raw}");
    }

    // Halves of a surrogate pair: legal JSON, no character.
    for raw in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ud83d\ud83d""#] {
        let text = Raw::parse(raw.as_bytes()).unwrap().as_text().unwrap();
        let len = text.unescape(&mut out).unwrap();
        assert!(core::str::from_utf8(&out[..len]).unwrap().starts_with('\u{FFFD}'), "{raw}");
        assert!(len <= text.raw().len());
    }
}

#[test]
fn strings_are_escaped_where_json_wants_it() {
    for (text, json) in [
        ("", r#""""#),
        ("temp", r#""temp""#),
        ("温度 é 😀 \u{7f}\u{2028}", "\"温度 é 😀 \u{7f}\u{2028}\""),
        ("a\"b\\c/", r#""a\"b\\c/""#),
        ("\0\u{8}\t\n\u{b}\u{c}\r\u{1f}", r#""\u0000\u0008\t\n\u000b\u000c\r\u001f""#),
    ] {
        assert_eq!(written(|w| w.string(text)), json);
    }
}

#[test]
fn points_as_the_hub_reads_them() {
    // The forms of `payloads.md §2.1`.
    let struct_value = [("lat", Value::Float(31.2)), ("lon", Value::Float(121.4))];
    for (id, value, quality, json) in [
        ("temp", Value::Float(21.5), None, r#""temp":21.5"#),
        ("temp", Value::Float(21.0), None, r#""temp":21.0"#),
        ("flow", Value::Float(3.5), Some(9), r#""flow":{"value":3.5,"quality":9}"#),
        ("axis", Value::Array(&[Value::Int(1), Value::Int(2)]), None, r#""axis":[1,2]"#),
        ("gps", Value::Struct(&struct_value), None, r#""gps":{"lat":31.2,"lon":121.4}"#),
        (
            "gps",
            Value::Struct(&struct_value),
            Some(0),
            r#""gps":{"value":{"lat":31.2,"lon":121.4},"quality":0}"#,
        ),
        ("on", Value::Bool(true), None, r#""on":true"#),
        ("on", Value::Bool(false), Some(255), r#""on":{"value":false,"quality":255}"#),
        ("s", Value::Str("x\"y"), None, r#""s":"x\"y""#),
        ("n", Value::Null, None, r#""n":null"#),
        ("big", Value::Int(i64::MIN), None, r#""big":-9223372036854775808"#),
        ("e", Value::Array(&[]), None, r#""e":[]"#),
        ("e", Value::Struct(&[]), None, r#""e":{}"#),
    ] {
        assert_eq!(written(|w| write_point(w, &Point { id, value, quality })), json);
    }
}

// Proves: PAYLOAD-2.1-7
#[test]
fn what_json_cannot_say_is_refused() {
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let inside = [("a", Value::Int(1)), ("b", Value::Float(x))];
        let deep = [Value::Struct(&inside)];
        assert_eq!(check_value(&Value::Float(x)), Err(BadValue::NotFinite));
        assert_eq!(check_value(&Value::Array(&deep)), Err(BadValue::NotFinite));
        assert_eq!(written(|w| write_value(w, &Value::Array(&deep))), r#"[{"a":1,"b":null}]"#);
    }
    assert_eq!(check_value(&Value::Float(f64::MAX)), Ok(()));

    fn nested(depth: usize, innermost: Value<'_>, then: &mut dyn FnMut(Value<'_>)) {
        match depth {
            0 => then(innermost),
            _ => nested(depth - 1, Value::Array(&[innermost]), then),
        }
    }
    nested(MAX_DEPTH, Value::Int(1), &mut |value| {
        assert_eq!(check_value(&value), Ok(()));
        let json = written(|w| write_value(w, &value));
        assert_eq!(json, "[".repeat(MAX_DEPTH) + "1" + &"]".repeat(MAX_DEPTH));
        assert!(Raw::parse(json.as_bytes()).is_ok());
    });
    nested(MAX_DEPTH + 1, Value::Int(1), &mut |value| {
        assert_eq!(check_value(&value), Err(BadValue::TooDeep));
        let json = written(|w| write_value(w, &value));
        assert_eq!(json, "[".repeat(MAX_DEPTH) + "null" + &"]".repeat(MAX_DEPTH));
    });
}

/// A value that owns what it holds.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(Leaf),
    Array(Vec<Tree>),
    Struct(Vec<(String, Tree)>),
}

#[derive(Clone, Debug)]
enum Leaf {
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(String),
    Null,
}

impl Tree {
    /// Lends the value; the tree of borrowed slices lives as long as the test.
    fn lend(&self) -> Value<'static> {
        match self {
            Tree::Leaf(Leaf::Int(n)) => Value::Int(*n),
            Tree::Leaf(Leaf::Float(x)) => Value::Float(*x),
            Tree::Leaf(Leaf::Bool(b)) => Value::Bool(*b),
            Tree::Leaf(Leaf::Str(text)) => Value::Str(text.clone().leak()),
            Tree::Leaf(Leaf::Null) => Value::Null,
            Tree::Array(items) => Value::Array(items.iter().map(Tree::lend).collect::<Vec<_>>().leak()),
            Tree::Struct(fields) => Value::Struct(
                fields
                    .iter()
                    .map(|(name, field)| (&*name.clone().leak(), field.lend()))
                    .collect::<Vec<_>>()
                    .leak(),
            ),
        }
    }

    fn judge(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Tree::Leaf(Leaf::Int(n)) => Json::from(*n),
            Tree::Leaf(Leaf::Float(x)) => Json::from(*x),
            Tree::Leaf(Leaf::Bool(b)) => Json::from(*b),
            Tree::Leaf(Leaf::Str(text)) => Json::from(text.as_str()),
            Tree::Leaf(Leaf::Null) => Json::Null,
            Tree::Array(items) => items.iter().map(Tree::judge).collect(),
            Tree::Struct(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), field.judge())).collect()
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Leaf::Int),
        prop::num::f64::NORMAL.prop_map(Leaf::Float),
        any::<bool>().prop_map(Leaf::Bool),
        any::<String>().prop_map(Leaf::Str),
        Just(Leaf::Null),
    ];
    leaf.prop_map(Tree::Leaf).prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Tree::Array),
            vec((any::<String>(), inner), 0..6).prop_map(Tree::Struct),
        ]
    })
}

/// JSON as bytes that are often almost right.
fn almost_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(std::vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\",
        "\"",
        "1",
        "-",
        "0",
        ".5",
        "e9",
        "true",
        "null",
        "false",
        " ",
        "\n",
        "\u{1}",
        "é",
        "{\"a\":1}",
        "[1,2]",
        "\"long enough for words\"",
        "12.5e-3",
    ]);
    vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn values_read_back(tree in tree()) {
        let value = tree.lend();
        let json = written(|w| write_value(w, &value));
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), tree.judge());
        prop_assert_eq!(Raw::parse(json.as_bytes()).unwrap().as_str(), json.as_str());
    }

    #[test]
    fn strings_read_back(text in any::<String>(), other in any::<String>()) {
        for json in [written(|w| w.string(&text)), serde_json::to_string(&text).unwrap()] {
            let read = Raw::parse(json.as_bytes()).unwrap().as_text().unwrap();
            let mut out = std::vec![0; read.raw().len()];
            let len = read.unescape(&mut out).unwrap();
            prop_assert_eq!(&out[..len], text.as_bytes());
            prop_assert!(read.eq_str(&text));
            prop_assert_eq!(read.eq_str(&other), text == other);
            prop_assert!(read.as_plain().is_none_or(|plain| plain == text));
        }
    }

    #[test]
    fn accepts_what_serde_json_accepts(json in almost_json()) {
        let judge = serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok();
        prop_assert_eq!(Raw::parse(json.as_bytes()).is_ok(), judge, "{}", json);
        let object = std::format!("{{\"k\":{json}}}");
        let judge = serde_json::from_str::<serde::de::IgnoredAny>(&object).is_ok();
        prop_assert_eq!(walk(object.as_bytes()).is_ok(), judge, "{}", object);
    }

    #[test]
    fn any_bytes_are_json_or_an_error(bytes in vec(any::<u8>(), 0..80)) {
        let _ = walk(&bytes);
        let _ = Raw::parse(&bytes);
    }

    #[test]
    fn a_cut_is_never_taken_for_the_whole(tree in tree(), cut in any::<prop::sample::Index>()) {
        let json = written(|w| {
            w.raw(b"{\"a\":")?;
            write_value(w, &tree.lend())?;
            w.raw(b"}")
        });
        prop_assert!(walk(json.as_bytes()).is_ok());
        prop_assert!(walk(&json.as_bytes()[..cut.index(json.len())]).is_err());
    }
}
