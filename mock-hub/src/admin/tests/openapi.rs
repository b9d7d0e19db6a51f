//! The OpenAPI document against the router: every route is in it, and everything in it is served.

use std::collections::BTreeSet;

use super::super::control::DOCUMENT;
use super::*;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Every operation: method, path and the operation itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (method, path.clone(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// Whether a route of the router takes a path of the document: a parameter there may be a name here.
fn takes(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(path).all(|(one, other)| one.starts_with('{') || *one == other)
}

#[test]
fn every_route_is_in_the_document_and_the_reverse() {
    let document = document();
    let operations = operations(&document);
    let routes = super::super::routes();
    for (method, path) in routes.served() {
        let found = operations.iter().any(|(m, p, _)| takes(path, p) && (m == method || *method == "any"));
        assert!(found, "{method} {path} is served and not in openapi.json");
    }
    for (method, path, _) in &operations {
        let found = routes.served().iter().any(|(m, p)| takes(p, path) && (m == method || *m == "any"));
        assert!(found, "{method} {path} is in openapi.json and not served");
    }
}

/// One EnOS path serves many actions, which the router does not know.
#[tokio::test]
async fn every_documented_action_is_served() {
    let rest = Rest::new();
    let mut actions = 0;
    for (method, path, operation) in operations(&document()) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let path = path.replace("{version}", "v2.1");
        let action = parameters.iter().find(|parameter| parameter["name"] == "action");
        for action in action.iter().flat_map(|action| action["schema"]["enum"].as_array().unwrap()) {
            let uri = format!("{path}?action={}", action.as_str().unwrap());
            let (status, reply) = rest.call(method.to_uppercase().parse().unwrap(), &uri, "{}").await;
            let served = status != StatusCode::NOT_FOUND && status != StatusCode::METHOD_NOT_ALLOWED;
            assert!(served, "{method} {uri}: {status} {reply}");
            actions += 1;
        }
    }
    assert!(actions >= 20, "{actions}");
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.insert(to.strip_prefix("#/components/schemas/").unwrap().to_owned());
                }
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut used = BTreeSet::new();
    walk(&document, &mut used);
    let there: BTreeSet<String> =
        document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(used, there);
}

#[tokio::test]
async fn the_document_is_served_with_the_version_of_the_hub() {
    let info = ServerInfo { version: "9.8.7".to_owned(), ..ServerInfo::default() };
    let served = Rest::with(false, info).get("/hub/v1/openapi.json").await;
    assert_eq!(served["info"]["version"], "9.8.7");
    assert_eq!(served["paths"], document()["paths"]);
    let kinds = &served["components"]["schemas"]["Line"]["properties"]["kind"]["enum"];
    let known: Vec<&str> = crate::domain::EntryKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(*kinds, json!(known));
}
