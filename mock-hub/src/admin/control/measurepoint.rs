//! A command of the device protocol that the vendor's REST API has no call for.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use super::super::call::Call;
use super::super::devices::UNKNOWN_DEVICE;
use super::super::reply::Fault;
use super::super::routes::Routes;
use super::super::{Shared, commands, kept};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/hub/v1/measurepoint-get", measurepoint_get)
}

/// `POST /hub/v1/measurepoint-get?productKey=&deviceKey=&timeout=` with `{"measurepointIds": […]}`: asks the device
/// for its values. The device protocol has this command, the vendor's REST API has no call for it.
async fn measurepoint_get(State(admin): Shared, request: Request) -> Response {
    let outcome = async {
        let call = Call::read(&admin, request).await?;
        let device = call.device(&admin, UNKNOWN_DEVICE)?;
        let command = commands::measurepoint_get(&call, &device)?;
        kept(&admin, commands::run(&admin, &device, command, true).await).await
    };
    outcome.await.unwrap_or_else(Fault::into_reply).into_response()
}
