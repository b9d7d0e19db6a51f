//! Measurepoint posts: read, checked against the model as a whole, then stored as a whole (`payloads.md` §2.1).

use crate::enos::json::{Cursor, JsonError, JsonKind, Value};

use crate::store::{Counters, Posted, Sample};

use super::model::{Model, Point};
use super::rule::{self, Rule};

/// What is kept of a device's points.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// By the model's order of points.
    latest: Vec<Option<Sample>>,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Accepted posts that changed nothing: every value was stored before, or is older than the newest.
    pub(crate) unchanged: u64,
    pub(crate) last_update_ms: u64,
}

impl Points {
    pub(super) fn for_model(model: &Model) -> Self {
        Self { latest: vec![None; model.points.len()], ..Self::default() }
    }

    /// What was kept of a device: its counters, and samples of which the newest of each point counts.
    pub(super) fn restored(model: &Model, counters: Counters, samples: &[(usize, Sample)]) -> Self {
        let mut points = Self::for_model(model);
        for (index, sample) in samples {
            points.enter(*index, sample.time, &sample.value, sample.quality);
        }
        let Counters { accepted, refused, unchanged, last_update } = counters;
        Self { accepted, refused, unchanged, last_update_ms: last_update, ..points }
    }

    /// Enters a checked post and gives what of it must be kept. The newest device time wins; equal times overwrite,
    /// so a post sent twice counts once.
    pub(super) fn store(&mut self, device: u64, post: Post, now_ms: u64) -> Posted {
        let mut changed = false;
        for (index, value, quality) in &post.values {
            changed |= self.enter(*index, post.time, value, *quality);
        }
        self.accepted += 1;
        self.unchanged += u64::from(!changed);
        self.last_update_ms = now_ms;
        Posted { device, time: post.time, values: post.values, counters: self.counters() }
    }

    /// Makes a value the newest of its point, if it is; tells whether that changed anything.
    fn enter(&mut self, index: usize, time: i64, value: &Value, quality: Option<u8>) -> bool {
        let Some(slot) = self.latest.get_mut(index) else { return false };
        if let Some(latest) = slot {
            let same = latest.time == time && latest.quality == quality && latest.value == *value;
            if latest.time > time || same {
                return false;
            }
        }
        *slot = Some(Sample { time, value: value.clone(), quality });
        true
    }

    /// What is counted.
    pub(super) fn counters(&self) -> Counters {
        let Self { accepted, refused, unchanged, last_update_ms: last_update, .. } = *self;
        Counters { accepted, refused, unchanged, last_update }
    }

    /// The points that have a value, in the model's order.
    pub(crate) fn latest<'a>(&'a self, model: &'a Model) -> impl Iterator<Item = (&'a Point, &'a Sample)> {
        let stored = model.points.iter().zip(&self.latest);
        stored.filter_map(|(point, latest)| Some((point, latest.as_ref()?)))
    }
}

/// A post that passed every check.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) time: i64,
    values: Vec<(usize, Value, Option<u8>)>,
    /// A rule that was broken and tolerated, and where.
    pub(super) tolerated: Option<(&'static Rule, String)>,
}

/// Why a post is refused: the code of the reply and its message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PostFault {
    pub(super) code: u32,
    pub(super) message: String,
}

impl From<JsonError> for PostFault {
    fn from(error: JsonError) -> Self {
        Self { code: 1206, message: format!("the post cannot be read: {error}") }
    }
}

/// Reads and checks the `params` of a post; `now_ms` is the time of points without one.
pub(super) fn read(params: &str, model: &Model, strict: bool, now_ms: u64) -> Result<Post, PostFault> {
    let mut cursor = Cursor::new(params);
    if cursor.kind()? != JsonKind::Object {
        return Err(format_fault("params is no object"));
    }
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let mut post = Post { time: now, values: Vec::new(), tolerated: None };
    let mut points = None;
    cursor.object(|name, cursor| {
        match &*name {
            "measurepoints" => points = Some(cursor.raw()?),
            "time" => post.time = read_time(cursor.value()?)?.unwrap_or(now),
            _ => drop(cursor.raw()?),
        }
        Ok::<_, PostFault>(())
    })?;
    let Some(points) = points else { return Err(format_fault("params holds no measurepoints")) };
    let mut cursor = Cursor::new(points);
    if cursor.kind()? != JsonKind::Object {
        return Err(format_fault("measurepoints is no object"));
    }
    cursor.object(|name, cursor| read_point(&name, cursor, model, strict, &mut post))?;
    Ok(post)
}

fn read_point(
    name: &str,
    cursor: &mut Cursor<'_>,
    model: &Model,
    strict: bool,
    post: &mut Post,
) -> Result<(), PostFault> {
    let Some((index, point)) = model.point(name) else {
        let name = crate::journal::clip(name, 128);
        return Err(model_fault(format!("point \"{name}\" is not in the model \"{}\"", model.id)));
    };
    let (value, quality) = split_quality(point, cursor.value()?);
    // Clients of languages without a missing value send null for it.
    if value == Value::Null {
        return Ok(());
    }
    point.value_type.check(&value).map_err(|reason| model_fault(format!("point \"{name}\": {reason}")))?;
    let quality = quality.map(|quality| read_quality(name, &quality)).transpose()?;
    if quality.is_some() && !point.has_quality {
        if strict {
            return Err(model_fault(format!("point \"{name}\": rule 10: {}", rule::QUALITY.text)));
        }
        post.tolerated.get_or_insert_with(|| (&rule::QUALITY, format!("point \"{name}\"")));
    }
    // Of two values under one name the last counts, as in every JSON reader: storing overwrites.
    post.values.push((index, value, quality));
    Ok(())
}

/// Takes `{"value":…,"quality":…}` apart. For a struct that has a member of one of these names the value is the
/// struct itself: the model decides (`payloads.md` §2.1).
fn split_quality(point: &Point, value: Value) -> (Value, Option<Value>) {
    let Value::Object(mut fields) = value else { return (value, None) };
    let names = ["value", "quality"];
    let is_pair = fields.len() == 2 && names.iter().all(|name| fields.iter().any(|(key, _)| &**key == *name));
    if !is_pair || names.iter().any(|name| point.value_type.has_member(name)) {
        return (Value::Object(fields), None);
    }
    let mut take = |name: &str| {
        let at = fields.iter().position(|(key, _)| &**key == name);
        at.map_or(Value::Null, |at| fields.swap_remove(at).1)
    };
    (take("value"), Some(take("quality")))
}

fn read_quality(name: &str, quality: &Value) -> Result<u8, PostFault> {
    match quality {
        Value::Int(number @ 0..=9) => Ok(u8::try_from(*number).unwrap_or_default()),
        Value::Float(number) if number.fract() == 0.0 && (0.0..=9.0).contains(number) => Ok(*number as u8),
        Value::Int(number) => {
            Err(model_fault(format!("point \"{name}\": quality {number} is outside 0 to 9")))
        }
        other => {
            let kind = other.kind_name();
            Err(model_fault(format!("point \"{name}\": the quality is {kind}, not an integer from 0 to 9")))
        }
    }
}

/// Any integer, also as text or with a fraction: some clients send seconds of uptime, which is their affair.
fn read_time(time: Value) -> Result<Option<i64>, PostFault> {
    match &time {
        Value::Null => Ok(None),
        Value::Int(time) => Ok(Some(*time)),
        Value::Float(time) if time.is_finite() => Ok(Some(*time as i64)),
        Value::Text(text) => match text.trim().parse::<f64>() {
            Ok(time) if time.is_finite() => Ok(Some(text.trim().parse().unwrap_or(time as i64))),
            _ => Err(format_fault("time is no number of milliseconds")),
        },
        other => Err(format_fault(&format!("time is {}, not milliseconds", other.kind_name()))),
    }
}

fn format_fault(message: &str) -> PostFault {
    PostFault { code: 1206, message: message.to_owned() }
}

fn model_fault(message: String) -> PostFault {
    PostFault { code: 1204, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn model() -> Model {
        let point = |id: &str, kind: &str| json!({"identifier": id, "dataType": kind});
        let mut temp = point("temp", "DOUBLE");
        temp["hasQuality"] = true.into();
        temp["dataDefinition"] = json!({"min": -50, "max": 150});
        let mut gps = point("gps", "STRUCT");
        gps["dataDefinition"] = json!({"items": [{"identifier": "lat", "dataType": "DOUBLE"}, {"identifier": "lon", "dataType": "DOUBLE"}]});
        let mut pair = point("pair", "STRUCT");
        pair["dataDefinition"] = json!({"items": [{"identifier": "value", "dataType": "INT"}, {"identifier": "quality", "dataType": "STRING"}]});
        let mut axis = point("axis", "ARRAY");
        axis["dataDefinition"] = json!({"itemType": "INT"});
        let points = json!({"temp": temp, "gps": gps, "pair": pair, "axis": axis,
            "n": point("n", "INT"), "s": point("s", "STRING"), "wild": point("wild", "DOUBLE")});
        Model::compile(serde_json::from_value(json!({"modelId": "m", "measurepoints": points})).unwrap())
            .unwrap()
    }

    fn stored(params: &str) -> Result<Vec<String>, PostFault> {
        let model = model();
        let post = read(params, &model, false, 1_000)?;
        let mut points = Points::for_model(&model);
        points.store(1, post, 1_000);
        let show = |(point, latest): (&Point, &Sample)| {
            let quality = latest.quality.map_or_else(String::new, |quality| format!(" q{quality}"));
            format!("{}={}@{}{quality}", point.identifier, latest.value.to_json(), latest.time)
        };
        Ok(points.latest(&model).map(show).collect())
    }

    // Proves: DOC-6-1 PAYLOAD-2.1-1 PAYLOAD-2.1-2
    #[test]
    fn every_form_of_a_value_is_taken() {
        for (params, expected) in [
            (r#"{"measurepoints":{"temp":21.5},"time":5}"#, vec!["temp=21.5@5"]),
            (r#"{"measurepoints":{"temp":{"value":3.5,"quality":9}},"time":5}"#, vec!["temp=3.5@5 q9"]),
            (r#"{ "measurepoints" : { "temp" : { "quality" : 0 , "value" : 3 } } }"#, vec!["temp=3@1000 q0"]),
            (r#"{"measurepoints":{"axis":[1,2]},"time":null}"#, vec!["axis=[1,2]@1000"]),
            (
                r#"{"measurepoints":{"gps":{"lat":31.2,"lon":121.4}},"time":"5"}"#,
                vec![r#"gps={"lat":31.2,"lon":121.4}@5"#],
            ),
            (
                r#"{"measurepoints":{"gps":{"value":{"lat":1},"quality":1}},"time":5}"#,
                vec![r#"gps={"lat":1}@5 q1"#],
            ),
            (
                r#"{"measurepoints":{"pair":{"value":1,"quality":"good"}},"time":5}"#,
                vec![r#"pair={"quality":"good","value":1}@5"#],
            ),
            (
                r#"{"measurepoints":{"wild":NaN,"n":-7,"s":"\u003cé"},"time":5.9}"#,
                vec!["n=-7@5", "s=\"<é\"@5", "wild=\"NaN\"@5"],
            ),
            (r#"{"measurepoints":{"temp":null,"n":1},"time":-5}"#, vec!["n=1@-5"]),
            (r#"{"measurepoints":{"temp":{"value":null,"quality":9}}}"#, vec![]),
            (r#"{"measurepoints":{"n":1,"n":2},"time":5,"extra":{}}"#, vec!["n=2@5"]),
            (r#"{"time":7,"measurepoints":{"n":1}}"#, vec!["n=1@7"]),
            (r#"{"measurepoints":{}}"#, vec![]),
        ] {
            assert_eq!(stored(params).unwrap(), expected, "{params}");
        }
    }

    // Proves: PAYLOAD-2.1-3
    #[test]
    fn one_bad_point_refuses_the_post_and_is_named() {
        for (params, code, message) in [
            (r#"{"measurepoints":{"temp":1,"nope":1}}"#, 1204, r#"point "nope" is not in the model "m""#),
            (r#"{"measurepoints":{"temp":"1"}}"#, 1204, r#"point "temp": expected DOUBLE, got a string"#),
            (
                r#"{"measurepoints":{"temp":151}}"#,
                1204,
                r#"point "temp": 151 is outside the range -50 to 150"#,
            ),
            (
                r#"{"measurepoints":{"temp":NaN}}"#,
                1204,
                r#"point "temp": NaN is outside the range -50 to 150"#,
            ),
            (
                r#"{"measurepoints":{"temp":{"value":1,"quality":10}}}"#,
                1204,
                r#"point "temp": quality 10 is outside 0 to 9"#,
            ),
            (
                r#"{"measurepoints":{"temp":{"value":1,"quality":"9"}}}"#,
                1204,
                r#"point "temp": the quality is a string, not an integer from 0 to 9"#,
            ),
            (
                r#"{"measurepoints":{"temp":{"value":1,"quality":null}}}"#,
                1204,
                r#"point "temp": the quality is null, not an integer from 0 to 9"#,
            ),
            (
                r#"{"measurepoints":{"temp":{"value":1}}}"#,
                1204,
                r#"point "temp": expected DOUBLE, got an object"#,
            ),
            (
                r#"{"measurepoints":{"gps":{"alt":1}}}"#,
                1204,
                r#"point "gps": the STRUCT has no member "alt""#,
            ),
            (r#"{"measurepoints":[]}"#, 1206, "measurepoints is no object"),
            (r#"{"time":5}"#, 1206, "params holds no measurepoints"),
            (r#"[]"#, 1206, "params is no object"),
            (r#"{"measurepoints":{"n":1},"time":"soon"}"#, 1206, "time is no number of milliseconds"),
            (r#"{"measurepoints":{"n":1},"time":true}"#, 1206, "time is a boolean, not milliseconds"),
        ] {
            assert_eq!(stored(params), Err(PostFault { code, message: message.into() }), "{params}");
        }
    }

    // Proves: MODEL-2-4
    #[test]
    fn quality_without_has_quality_is_tolerated_only_when_lenient() {
        let params = r#"{"measurepoints":{"n":{"value":1,"quality":1}}}"#;
        let model = model();
        assert_eq!(read(params, &model, false, 0).unwrap().tolerated.unwrap().0.number, 10);
        assert_eq!(read(params, &model, true, 0).unwrap_err().code, 1204);
    }

    // Proves: BEHAVE-9-2 PAYLOAD-2.1-5
    #[test]
    fn the_newest_time_wins_and_a_repeated_post_changes_nothing() {
        let model = model();
        let mut points = Points::for_model(&model);
        for (time, value) in [(10, 1), (20, 2), (20, 2), (15, 9), (20, 3)] {
            let params = format!(r#"{{"measurepoints":{{"n":{value}}},"time":{time}}}"#);
            points.store(1, read(&params, &model, false, 0).unwrap(), time);
        }
        let (_, latest) = points.latest(&model).next().unwrap();
        assert_eq!((latest.time, &latest.value), (20, &Value::Int(3)));
        assert_eq!((points.accepted, points.unchanged, points.last_update_ms), (5, 2, 20));
    }

    proptest! {
        #[test]
        fn random_params_never_panic(params in "[\\[\\]{}\",:0-9eE.\\- a-zN]{0,120}") {
            let _ = read(&params, &model(), false, 0);
        }
    }
}
