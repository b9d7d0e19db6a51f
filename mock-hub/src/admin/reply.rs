//! The one envelope of the EnOS REST API: `{code, msg, requestId, data, pagination}` (`docs-model.md` §9.1).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::{FieldFault, WrongState, random};
use crate::store::StoreFault;

/// A reply; business errors come with HTTP 200, as from the vendor's gateway.
pub(super) struct Reply {
    code: i64,
    msg: String,
    data: Value,
    pagination: Option<Value>,
    status: StatusCode,
}

impl Reply {
    pub(super) fn ok(data: Value) -> Self {
        Self { code: 0, msg: "OK".to_owned(), data, pagination: None, status: StatusCode::OK }
    }

    pub(super) fn failed(code: i64, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), data: Value::Null, pagination: None, status: StatusCode::OK }
    }

    pub(super) fn with_data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    pub(super) fn with_pagination(mut self, pagination: Value) -> Self {
        self.pagination = Some(pagination);
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut body = json!({
            "code": self.code,
            "msg": self.msg,
            "requestId": random::request_id(),
            "data": self.data,
        });
        if let Some(pagination) = self.pagination {
            body["pagination"] = pagination;
        }
        (self.status, Json(body)).into_response()
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) msg: String,
    status: StatusCode,
}

impl Fault {
    pub(super) fn new(code: impl Into<i64>, msg: impl Into<String>) -> Self {
        Self { code: code.into(), msg: msg.into(), status: StatusCode::OK }
    }

    /// 99400: an argument is missing or wrong; `field` is its name.
    pub(super) fn argument(field: &str, reason: impl AsRef<str>) -> Self {
        Self::new(99400, format!("invalid argument {field}: {}", reason.as_ref()))
    }

    /// 99404: what was asked for is not there.
    pub(super) fn not_found(msg: impl Into<String>) -> Self {
        Self::new(99404, msg)
    }

    /// 99500: the store cannot keep the change, or may not have kept it; the text says what to do.
    pub(super) fn not_kept(fault: StoreFault) -> Self {
        Self::new(99500, fault.to_string()).with_status(StatusCode::INSUFFICIENT_STORAGE)
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn into_reply(self) -> Reply {
        Reply { status: self.status, ..Reply::failed(self.code, self.msg) }
    }
}

impl From<FieldFault> for Fault {
    fn from(fault: FieldFault) -> Self {
        Self::new(fault.code, format!("invalid argument {}: {}", fault.field, fault.reason))
    }
}

impl From<WrongState> for Fault {
    fn from(_: WrongState) -> Self {
        Self::new(11794_u32, "the device is in that state already")
    }
}
