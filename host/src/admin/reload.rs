//! `POST /v1/reload`: the configuration read again; `GET /v1/filters`: which versions of which filters run.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use serde_json::json;

use super::reply;
use crate::body::Body;
use crate::exchange::Edge;

/// 200 where the file could be read, whatever became of each filter; 422 where it has faults, and nothing was changed.
pub(super) async fn answer<B>(request: &Request<B>, edge: &Arc<Edge>) -> Response<Body> {
    if request.headers().contains_key(header::ORIGIN) {
        return reply::refusal(StatusCode::FORBIDDEN, "pages in browsers may not reload; send no Origin field");
    }
    let edge = edge.clone();
    match tokio::task::spawn_blocking(move || edge.reload()).await {
        Ok(Ok(reloaded)) => reply::json(StatusCode::OK, &reloaded.json()),
        Ok(Err(error)) => reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
        Err(error) => reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("the reload broke off: {error}")),
    }
}

pub(super) fn filters(edge: &Edge) -> Response<Body> {
    reply::json(StatusCode::OK, &json!({ "filters": edge.filters() }))
}
