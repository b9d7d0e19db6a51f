//! The routes of the HTTP side, added one by one and remembered, so that a test can compare them with what the
//! OpenAPI document promises.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use super::Admin;

/// A router under construction.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Arc<Admin>>,
    served: Vec<(&'static str, &'static str)>,
}

impl Routes {
    pub(super) fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Admin>>) -> Self {
        self.add("get", path, routing::get(handler))
    }

    pub(super) fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Admin>>) -> Self {
        self.add("post", path, routing::post(handler))
    }

    pub(super) fn put<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Admin>>) -> Self {
        self.add("put", path, routing::put(handler))
    }

    pub(super) fn delete<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Admin>>) -> Self {
        self.add("delete", path, routing::delete(handler))
    }

    /// A path whose handler looks at the method itself.
    pub(super) fn any<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Admin>>) -> Self {
        self.add("any", path, routing::any(handler))
    }

    fn add(mut self, method: &'static str, path: &'static str, handler: MethodRouter<Arc<Admin>>) -> Self {
        self.router = self.router.route(path, handler);
        self.served.push((method, path));
        self
    }

    /// Method (lower case, or `any`) and path of each route so far.
    #[cfg(test)]
    pub(super) fn served(&self) -> &[(&'static str, &'static str)] {
        &self.served
    }

    pub(super) fn into_router(self) -> Router<Arc<Admin>> {
        self.router
    }
}
