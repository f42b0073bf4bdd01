//! What one server takes on: so many requests at a time, so many waiting, each for so long and of such a size. Beyond it
//! the answer is an immediate, honest 503 with `Retry-After`; waiting without end helps nobody.

use std::sync::Arc;
use std::time::Duration;

use poem::http::header;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tokio::sync::{Semaphore, TryAcquireError};

use super::problem::{Problem, ProblemCode};
use super::strict_json::BodyLimits;

/// How much is how much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests worked on at the same time.
    pub in_flight: usize,
    /// Requests that may wait for their turn.
    pub queued: usize,
    /// How long a request may wait for its turn.
    pub queue_time: Duration,
    /// How long a request may take until its answer begins; streams that follow are not counted.
    pub request_time: Duration,
    /// The size and time of bodies.
    pub body: BodyLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            queued: 1024,
            queue_time: Duration::from_secs(5),
            request_time: Duration::from_secs(30),
            body: BodyLimits::default(),
        }
    }
}

impl<E: Endpoint> Middleware<E> for Limits {
    type Output = LimitsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        LimitsEndpoint {
            inner,
            limits: *self,
            in_flight: Arc::new(Semaphore::new(self.in_flight)),
            queue: Arc::new(Semaphore::new(self.queued)),
        }
    }
}

/// The endpoint of [`Limits`].
pub struct LimitsEndpoint<E> {
    inner: E,
    limits: Limits,
    in_flight: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl<E: Endpoint> LimitsEndpoint<E> {
    async fn await_turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
        let overloaded = |detail: &str| {
            metrics::counter!("http_requests_refused_total").increment(1);
            Problem::new(ProblemCode::Overloaded).because(detail).retry_after(Duration::from_secs(1))
        };
        match self.in_flight.try_acquire() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {}
        }
        let _place = self.queue.try_acquire().map_err(|_| overloaded("The queue is full."))?;
        match tokio::time::timeout(self.limits.queue_time, self.in_flight.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(overloaded("The request waited too long for its turn.")),
        }
    }
}

impl<E: Endpoint> Endpoint for LimitsEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        // Whoever watches the server must get through when it is busiest.
        if request.uri().path().starts_with("/api/v1/health/") {
            return Ok(self.inner.call(request).await?.into_response());
        }
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.limits.body.size as u64) {
            return Err(Problem::new(ProblemCode::BodyTooLarge).into());
        }
        request.set_data(self.limits.body);

        let _turn = self.await_turn().await?;
        match tokio::time::timeout(self.limits.request_time, self.inner.call(request)).await {
            Ok(outcome) => Ok(outcome?.into_response()),
            Err(_) => Err(Problem::new(ProblemCode::TimedOut).retry_after(Duration::from_secs(1)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make;
    use poem::http::StatusCode;
    use poem::test::TestClient;
    use poem::{EndpointExt, Response};

    use super::*;

    fn slow_server(limits: Limits) -> TestClient<impl Endpoint<Output = Response>> {
        let slow = make(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, poem::Error>("done")
        });
        TestClient::new(slow.with(limits))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered_503() {
        let server = slow_server(Limits { request_time: Duration::from_millis(10), ..Limits::default() });
        let response = server.get("/").send().await;
        response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
        response.assert_header_exist("retry-after");
    }

    #[tokio::test(start_paused = true)]
    async fn what_neither_runs_nor_waits_is_refused_at_once() {
        let server = slow_server(Limits { in_flight: 1, queued: 1, ..Limits::default() });
        let (first, second, third) =
            tokio::join!(server.get("/").send(), server.get("/").send(), server.get("/").send());
        first.assert_status_is_ok();
        second.assert_status_is_ok();
        third.assert_status(StatusCode::SERVICE_UNAVAILABLE);
        server.get("/").send().await.assert_status_is_ok();
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_longer_than_the_queue_allows() {
        let queue_time = Duration::from_millis(100);
        let server = slow_server(Limits { in_flight: 1, queued: 9, queue_time, ..Limits::default() });
        let (first, second) = tokio::join!(server.get("/").send(), server.get("/").send());
        first.assert_status_is_ok();
        second.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    }
}
