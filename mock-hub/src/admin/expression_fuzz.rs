//! What must hold for any text that an application sends as a search expression.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::domain::local_time;

use super::expression::Expression;

const FIELDS: &[&str] =
    &["status", "productKey", "deviceName", "deviceName.", "deviceTags.", "state", "createTime"];

static ITEM: LazyLock<Value> = LazyLock::new(|| {
    json!({"status": "disabled", "productKey": "a", "state": 2, "createTime": 1_700_000_000_000_u64,
        "deviceName": {"defaultValue": "PV Inverter 2A", "i18nValue": {"zh_CN": "逆变器"}},
        "deviceTags": {"k1": "v1"}})
});

fn parse(text: &str) -> Result<Expression, String> {
    Expression::parse(text, FIELDS, local_time::zone("+08:00"))
}

/// An expression that is understood says the opposite behind `not`, and the same in brackets.
pub(crate) fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expression = match parse(text) {
        Ok(expression) => expression,
        Err(reason) => return assert!(!reason.is_empty()),
    };
    let matches = expression.matches(&ITEM);
    // One more level may be one too many.
    if let Ok(opposite) = parse(&format!("not({text})")) {
        assert_ne!(opposite.matches(&ITEM), matches, "{text}");
    }
    if let Ok(both) = parse(&format!("({text}) and ({text})")) {
        assert_eq!(both.matches(&ITEM), matches, "{text}");
    }
}
