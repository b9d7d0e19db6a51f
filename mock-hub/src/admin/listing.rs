//! Search replies: expression, projection and pagination (`docs-model.md` §9.1).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::expression::Expression;
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
}

/// What a search may ask for.
pub(super) struct Listing {
    /// Fields that an expression may name; one that ends in a dot stands for all below it.
    pub(super) fields: &'static [&'static str],
    pub(super) default_page_size: u64,
    pub(super) sorted_by: Value,
}

impl Listing {
    /// Filters, pages and crops what a search found.
    pub(super) fn reply(&self, items: Vec<Value>, body: &SearchBody) -> Result<Reply, Fault> {
        let expression = body.expression.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let expression = expression.map(|text| Expression::parse(text, self.fields)).transpose();
        let expression = expression.map_err(|reason| Fault::argument("expression", reason))?;
        let matching: Vec<Value> = items
            .into_iter()
            .filter(|item| expression.as_ref().is_none_or(|wanted| wanted.matches(item)))
            .collect();
        let defaults = Pagination::default();
        let pagination = body.pagination.as_ref().unwrap_or(&defaults);
        let page_no = pagination.page_no.unwrap_or(1);
        let page_size = pagination.page_size.unwrap_or(self.default_page_size);
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
        let pagination =
            json!({"sortedBy": self.sorted_by, "pageNo": page_no, "pageSize": page_size, "totalSize": total});
        Ok(Reply::ok(page.into()).with_pagination(pagination))
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

    #[test]
    fn pages_are_cut_and_counted() {
        let listing = Listing { fields: &["n"], default_page_size: 10, sorted_by: Value::Null };
        let items: Vec<Value> = (0..25).map(|n| json!({"n": n})).collect();
        for (body, wrong) in [
            (r#"{"pagination":{"pageNo":0}}"#, "pagination.pageNo"),
            (r#"{"pagination":{"pageSize":1001}}"#, "pagination.pageSize"),
            (r#"{"expression":"n >"}"#, "expression"),
        ] {
            let fault = listing.reply(items.clone(), &serde_json::from_str(body).unwrap()).err().unwrap();
            assert!(fault.msg.contains(wrong), "{body}: {}", fault.msg);
        }
        let far = serde_json::from_str(r#"{"pagination":{"pageNo":18446744073709551615,"pageSize":1000}}"#)
            .unwrap();
        assert!(listing.reply(items, &far).is_ok());
    }
}
