//! Values in prefix notation: `i:5`, `f:2.5`, `b:true`, `s:text`, `n`, `a:2` and two values, `o:1` and a name and a
//! value.

use enos_runtime::{Point, Value};

/// Reads one value; the rest of the words stays in `words`.
///
/// Arrays and structs are leaked: the SDK borrows them, and a driver lives for one scenario.
pub(crate) fn value<'w>(words: &mut &[&'w str]) -> Option<Value<'w>> {
    let word = next(words)?;
    let (kind, text) = word.split_once(':').unwrap_or((word, ""));
    Some(match kind {
        "n" => Value::Null,
        "i" => Value::Int(text.parse().ok()?),
        "f" => Value::Float(text.parse().ok()?),
        "b" => Value::Bool(text.parse().ok()?),
        "s" => Value::Str(text),
        "a" => {
            let items: Option<Vec<_>> = (0..text.parse::<u32>().ok()?).map(|_| value(words)).collect();
            Value::Array(Vec::leak(items?))
        }
        "o" => {
            let fields: Option<Vec<_>> =
                (0..text.parse::<u32>().ok()?).map(|_| Some((next(words)?, value(words)?))).collect();
            Value::Struct(Vec::leak(fields?))
        }
        _ => return None,
    })
}

/// Reads points up to the end: identifier, quality or `-`, value.
pub(crate) fn points<'w>(mut words: &[&'w str]) -> Option<Vec<Point<'w>>> {
    let mut points = Vec::new();
    while let Some(id) = next(&mut words) {
        let quality = match next(&mut words)? {
            "-" => None,
            quality => Some(quality.parse().ok()?),
        };
        let mut point = Point::new(id, value(&mut words)?);
        point.quality = quality;
        points.push(point);
    }
    Some(points)
}

fn next<'w>(words: &mut &[&'w str]) -> Option<&'w str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}
