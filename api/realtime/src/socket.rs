//! `GET /api/v1/realtime`: from an HTTP request to a socket with a [`session`](super::session).

use std::sync::Arc;
use std::time::Duration;

use poem::web::websocket::{WebSocket, WebSocketConfig};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response, Result};

use super::session::Session;
use super::shared::Shared;
use super::traces::PushTraces;
use frame::client_address::ClientAddress;
use frame::problem::{Problem, ProblemCode};
use frame::query::check_query;
use frame::request_id::RequestId;

/// The most that a message may hold before the connection is broken off. What a client may say is shorter still, and is
/// refused in words.
const LARGEST_READ: usize = 64 * 1024;
/// How much may wait to be written when a client does not read, frames in the queue aside.
const WRITE_BUFFER: usize = 256 * 1024;

/// The endpoint.
pub(super) struct RealtimeEndpoint(pub(super) Arc<Shared>);

impl Endpoint for RealtimeEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        // Addresses end up in logs and histories: a token in one is refused, like every other parameter.
        check_query(&[], request.uri().query().unwrap_or_default())?;
        self.0.settings.origins.check(&request)?;
        let upgrade = WebSocket::from_request_without_body(&request).await.map_err(|_| {
            Problem::new(ProblemCode::MalformedRequest).because("This address speaks WebSocket (RFC 6455), version 13.")
        })?;
        if self.0.stop.is_cancelled() {
            return Err(Problem::new(ProblemCode::NotReady).because("The server is stopping.").into());
        }
        let place = Arc::clone(&self.0.sockets).try_acquire_owned().map_err(|_| {
            let detail = "The server has as many open sockets as it takes.";
            Problem::new(ProblemCode::Overloaded).because(detail).retry_after(Duration::from_secs(5))
        })?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_READ))
            .max_frame_size(Some(LARGEST_READ))
            .read_buffer_size(8 * 1024)
            .write_buffer_size(16 * 1024)
            .max_write_buffer_size(WRITE_BUFFER);
        let shared = Arc::clone(&self.0);
        let request_id = RequestId::of_request(&request).map(str::to_owned);
        let traces = {
            let (trail, tracker) = (shared.trail.clone(), shared.traces.clone());
            PushTraces::new(trail, tracker, ClientAddress::of(&request), request_id)
        };
        let upgraded = upgrade.config(config).on_upgrade(move |socket| async move {
            Session::new(socket, shared, traces).run().await;
            drop(place);
        });
        Ok(upgraded.into_response())
    }
}
