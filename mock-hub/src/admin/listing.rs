//! Search replies: expression, projection and pagination (`docs-model.md` §9.1).

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::UtcOffset;

use super::expression::{Expression, is_known, values};
use super::reply::{Fault, Reply};

/// The body of a search.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchBody {
    expression: Option<String>,
    pagination: Option<Pagination>,
    projection: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pagination {
    page_no: Option<u64>,
    page_size: Option<u64>,
    #[serde(default)]
    sorters: Vec<Sorter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sorter {
    field: String,
    #[serde(default)]
    order: Order,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Order {
    #[default]
    Asc,
    Desc,
}

/// What a search may ask for.
pub(super) struct Listing {
    /// Fields that an expression may name; one that ends in a dot stands for all below it.
    pub(super) fields: &'static [&'static str],
    pub(super) default_page_size: u64,
    /// How the items come, newest first for example; the search is not sorted otherwise then, as the vendor's pages
    /// say of commands and logs. Null if it is sorted as asked.
    pub(super) sorted_by: Value,
    /// The time zone of times without one.
    pub(super) zone: UtcOffset,
}

impl Listing {
    /// Filters, sorts, pages and crops what a search found.
    pub(super) fn reply(&self, items: Vec<Value>, body: &SearchBody) -> Result<Reply, Fault> {
        let (page, pagination) = self.page(items, body)?;
        Ok(Reply::ok(page.into()).with_pagination(pagination))
    }

    /// The page, and what the reply says of it.
    fn page(&self, items: Vec<Value>, body: &SearchBody) -> Result<(Vec<Value>, Value), Fault> {
        let expression = body.expression.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let expression = expression.map(|text| Expression::parse(text, self.fields, self.zone)).transpose();
        let expression = expression.map_err(|reason| Fault::argument("expression", reason))?;
        let mut matching: Vec<Value> = items
            .into_iter()
            .filter(|item| expression.as_ref().is_none_or(|wanted| wanted.matches(item)))
            .collect();
        let defaults = Pagination::default();
        let pagination = body.pagination.as_ref().unwrap_or(&defaults);
        let page_no = pagination.page_no.unwrap_or(1);
        let page_size = pagination.page_size.unwrap_or(self.default_page_size);
        if self.sorted_by.is_null() {
            self.sort(&mut matching, &pagination.sorters)?;
        }
        if page_no == 0 {
            return Err(Fault::argument("pagination.pageNo", "counts from 1"));
        }
        if !(1..=1_000).contains(&page_size) {
            return Err(Fault::argument("pagination.pageSize", "is 1 to 1000"));
        }
        let skipped = usize::try_from((page_no - 1).saturating_mul(page_size)).unwrap_or(usize::MAX);
        let total = matching.len();
        let taken = usize::try_from(page_size).unwrap_or(usize::MAX);
        let page: Vec<Value> = matching.into_iter().skip(skipped).take(taken).collect();
        let page = match &body.projection {
            Some(paths) => page.iter().map(|item| project(item, paths)).collect(),
            None => page,
        };
        let pagination = json!({"sortedBy": self.sorted_by(&pagination.sorters), "pageNo": page_no, "pageSize": page_size, "totalSize": total});
        Ok((page, pagination))
    }

    /// Sorts by the first sorter, among equals by the second, and so on.
    fn sort(&self, items: &mut [Value], sorters: &[Sorter]) -> Result<(), Fault> {
        if sorters.len() > self.fields.len() {
            return Err(Fault::argument("pagination.sorters", "more sorters than fields"));
        }
        for (index, sorter) in sorters.iter().enumerate() {
            if !is_known(&sorter.field, self.fields) {
                let place = format!("pagination.sorters[{index}].field");
                let reason =
                    format!("\"{}\" is no field of this search: {}", sorter.field, self.fields.join(" "));
                return Err(Fault::argument(&place, reason));
            }
        }
        // The last first: each pass keeps the order of the passes before among its equals.
        for sorter in sorters.iter().rev() {
            let key = |item: &Value| SortKey::new(item, &sorter.field);
            match sorter.order {
                Order::Asc => items.sort_by_cached_key(key),
                Order::Desc => items.sort_by_cached_key(|item| Reverse(key(item))),
            }
        }
        Ok(())
    }

    fn sorted_by(&self, sorters: &[Sorter]) -> Value {
        if !self.sorted_by.is_null() || sorters.is_empty() {
            return self.sorted_by.clone();
        }
        let show = |sorter: &Sorter| json!({"field": sorter.field, "order": if sorter.order == Order::Desc { "DESC" } else { "ASC" }});
        sorters.iter().map(show).collect()
    }
}

/// What items are sorted by: nothing first, then numbers, then texts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Nothing,
    /// A number's bits, turned so that they compare as the number does.
    Number(u64),
    Text(String),
}

impl SortKey {
    fn new(item: &Value, field: &str) -> Self {
        let Some(text) = values(item, field).into_iter().next() else { return Self::Nothing };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                let bits = number.to_bits();
                Self::Number(if number.is_sign_negative() { !bits } else { bits | 1 << 63 })
            }
            _ => Self::Text(text),
        }
    }
}

/// Keeps only the fields that the paths name; `a.b`, `a[*].b` and `a.*` are understood.
fn project(item: &Value, paths: &[String]) -> Value {
    let mut out = Value::Object(Map::new());
    for path in paths {
        let steps: Vec<&str> = path.split('.').map(|step| step.trim_end_matches("[*]")).collect();
        copy(item, &steps, &mut out);
    }
    out
}

fn copy(from: &Value, steps: &[&str], to: &mut Value) {
    let Some((first, rest)) = steps.split_first() else {
        *to = from.clone();
        return;
    };
    match from {
        Value::Object(fields) => {
            if !to.is_object() {
                *to = Value::Object(Map::new());
            }
            for (name, value) in fields.iter().filter(|(name, _)| *first == "*" || **name == **first) {
                copy(value, rest, &mut to[name.as_str()]);
            }
        }
        Value::Array(items) => {
            if !to.is_array() {
                *to = Value::Array(vec![Value::Null; items.len()]);
            }
            for (index, item) in items.iter().enumerate() {
                copy(item, steps, &mut to[index]);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: MODEL-9.1-4
    /// The example of the vendor's API FAQ.
    #[test]
    fn a_projection_crops_as_documented() {
        let item = json!({"modelId": "planet", "timezone": "+00:00", "name": {"defaultValue": "venus", "i18nValue": {"en_US": "venus"}},
            "attributes": {"system": "Solar", "distances": [{"towards": "sun", "distance": "0.72 au"}, {"towards": "jupiter", "distance": "5.44 au"}]}});
        let paths = ["modelId", "name.defaultValue", "attributes.distances[*].towards"].map(str::to_owned);
        let cropped = json!({"modelId": "planet", "name": {"defaultValue": "venus"},
            "attributes": {"distances": [{"towards": "sun"}, {"towards": "jupiter"}]}});
        assert_eq!(project(&item, &paths), cropped);
        assert_eq!(project(&item, &["name.*".to_owned()])["name"], item["name"]);
        assert_eq!(project(&item, &["nothing".to_owned()]), json!({}));
    }

    // Proves: MODEL-9.1-4
    #[test]
    fn pages_are_cut_and_counted() {
        let listing =
            Listing { fields: &["n"], default_page_size: 10, sorted_by: Value::Null, zone: UtcOffset::UTC };
        let items: Vec<Value> = (0..25).map(|n| json!({"n": n})).collect();
        for (body, wrong) in [
            (r#"{"pagination":{"pageNo":0}}"#, "pagination.pageNo"),
            (r#"{"pagination":{"pageSize":1001}}"#, "pagination.pageSize"),
            (r#"{"expression":"n >"}"#, "expression"),
            (r#"{"pagination":{"sorters":[{"field":"n"},{"field":"n"}]}}"#, "pagination.sorters"),
            (r#"{"pagination":{"sorters":[{"field":"m"}]}}"#, "pagination.sorters[0].field"),
        ] {
            let fault = listing.reply(items.clone(), &serde_json::from_str(body).unwrap()).err().unwrap();
            assert!(fault.msg.contains(wrong), "{body}: {}", fault.msg);
        }
        let far = serde_json::from_str(r#"{"pagination":{"pageNo":18446744073709551615,"pageSize":1000}}"#)
            .unwrap();
        assert!(listing.reply(items, &far).is_ok());
    }

    // Proves: MODEL-9.1-6
    #[test]
    fn items_are_sorted_as_asked_or_not_at_all() {
        let mut listing = Listing {
            fields: &["group", "n", "name"],
            default_page_size: 10,
            sorted_by: Value::Null,
            zone: UtcOffset::UTC,
        };
        let items = vec![
            json!({"group": "b", "n": 10}),
            json!({"group": "a", "n": 9}),
            json!({"group": "b", "n": 9}),
            json!({"group": "c", "n": -1.5}),
            json!({"group": "a", "name": {"defaultValue": "x"}}),
        ];
        let order = |listing: &Listing, sorters: &str| {
            let body = format!(r#"{{"pagination":{{"sorters":{sorters}}},"projection":["group","n"]}}"#);
            let page = listing.page(items.clone(), &serde_json::from_str(&body).unwrap()).unwrap().0;
            page.iter()
                .map(|item| format!("{}{}", item["group"].as_str().unwrap(), item["n"]))
                .collect::<Vec<_>>()
        };
        let asked = r#"[{"field":"group"},{"field":"n","order":"DESC"}]"#;
        assert_eq!(order(&listing, asked), ["a9", "anull", "b10", "b9", "c-1.5"]);
        assert_eq!(
            order(&listing, r#"[{"field":"n","order":"ASC"}]"#),
            ["anull", "c-1.5", "a9", "b9", "b10"]
        );
        assert_eq!(order(&listing, "[]"), ["b10", "a9", "b9", "c-1.5", "anull"]);
        listing.sorted_by = json!([{"field": "createTime", "order": "DESC"}]);
        assert_eq!(order(&listing, asked), ["b10", "a9", "b9", "c-1.5", "anull"]);
    }
}
