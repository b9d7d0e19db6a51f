//! What the page is made of, built into the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::super::no_such;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const FILES: [(&str, &str, &str); 4] = [
    ("htmx.min.js", SCRIPT, include_str!("../../../assets/htmx.min.js")),
    ("sse.min.js", SCRIPT, include_str!("../../../assets/sse.min.js")),
    ("page.js", SCRIPT, include_str!("../../../assets/page.js")),
    ("page.css", STYLE, include_str!("../../../assets/page.css")),
];

/// `GET /assets/{file}`.
pub(super) async fn asset(Path(file): Path<String>) -> Response {
    match FILES.into_iter().find(|(name, ..)| *name == file) {
        Some((_, kind, text)) => {
            // A hub of another version may be next on this port.
            let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
            (headers, text).into_response()
        }
        None => no_such(format!("there is no file {file}")),
    }
}
