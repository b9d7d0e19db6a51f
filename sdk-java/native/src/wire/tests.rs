use super::*;

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn head(values: u32, fields: u32, count: u32) -> Vec<u8> {
    [values, fields, count].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// `p` is an array of an int, a struct with a null, and a text; quality 9.
fn nested() -> Vec<u8> {
    let mut bytes = head(3, 1, 1);
    text(&mut bytes, "p");
    bytes.extend([1, 9, ARRAY, 3, 0, 0, 0, INT]);
    bytes.extend((-5_i64).to_le_bytes());
    bytes.extend([STRUCT, 1, 0, 0, 0]);
    text(&mut bytes, "é\0");
    bytes.extend([NULL, TEXT]);
    text(&mut bytes, "\u{1F600}");
    bytes
}

#[test]
fn nested_values_are_read() {
    with_points(&nested(), |points| {
        let fields = [("é\0", Value::Null)];
        let items = [Value::Int(-5), Value::Struct(&fields), Value::Str("\u{1F600}")];
        assert_eq!(points, [Point::new("p", Value::Array(&items)).quality(9)]);
        Ok(())
    })
    .expect("it is whole");
}

#[test]
fn no_cut_or_changed_message_panics_or_takes_memory() {
    let whole = nested();
    for end in 0..whole.len() {
        assert!(with_points(&whole[..end], |_| Ok(())).is_err(), "{end}");
    }
    for at in 0..whole.len() {
        for byte in [0, 1, 7, 8, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[at] = byte;
            let _ = with_points(&changed, |_| Ok(()));
            let _ = with_fields(&changed, |_| Ok(()));
            let _ = with_value(&changed, |_| Ok(()));
        }
    }
}

#[test]
fn what_is_too_deep_for_the_core_reaches_it() {
    let nested = |depth: usize| {
        let mut bytes = head(depth as u32, 0, 1);
        text(&mut bytes, "p");
        bytes.push(0);
        for _ in 0..depth {
            bytes.extend([ARRAY, 1, 0, 0, 0]);
        }
        bytes.push(NULL);
        bytes
    };
    for (depth, taken) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
        with_points(&nested(depth), |points| {
            assert_eq!(enos_core::json::check_value(&points[0].value).is_ok(), taken);
            Ok(())
        })
        .expect("it reaches the core");
    }
    assert!(with_points(&nested(MAX_DEPTH + 2), |_| Ok(())).is_err());
}

#[test]
fn json_is_written_as_it_is() {
    let mut writer = Writer::default();
    let json = serde_json::json!([null, true, -1, u64::MAX, 2.5, "x", {"a": []}]);
    writer.tree(&json);
    let bytes = writer.into_bytes();
    assert_eq!(bytes[..5], [ARRAY, 7, 0, 0, 0]);
    assert_eq!(bytes[5..8], [NULL, TRUE, INT]);
    assert!(bytes.windows(20).any(|window| window == b"18446744073709551615"));
}
