//! A request that is answered before its body was read: a refusal of its size, its caller or its path.
//!
//! Closing a connection while the client still sends makes the client's system throw the answer away (RFC 9112, section
//! 9.6). So the answer says that the connection ends, and what still arrives is read and thrown away for a while.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use poem::http::Version;
use poem::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use poem::{Body, Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tokio::time::timeout;

/// How long an answer waits for the rest of the body. A small body is there by then, and the connection is kept.
const REST_AT_HAND: Duration = Duration::from_millis(100);

/// How long what is still sent is thrown away, before the connection is closed on it.
const LINGER: Duration = Duration::from_secs(5);

/// How many bytes of it.
const MOST_THROWN_AWAY: usize = 8 * 1024 * 1024;

/// The middleware: the outermost one, since any other may answer without reading.
pub struct UnreadBodies;

impl<E: Endpoint> Middleware<E> for UnreadBodies {
    type Output = UnreadBodiesEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        UnreadBodiesEndpoint { inner }
    }
}

/// The endpoint of [`UnreadBodies`].
pub struct UnreadBodiesEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for UnreadBodiesEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        // A stream of HTTP/2 ends alone, and its connection goes on.
        if request.version() > Version::HTTP_11 || !announces_body(request.headers()) {
            return Ok(self.inner.call(request).await?.into_response());
        }
        let awaits_permission = request.headers().contains_key(EXPECT);
        let body = SharedBody::new(Box::pin(request.take_body().into_bytes_stream()));
        request.set_body(Body::from_bytes_stream(body.clone()));

        let mut response = match self.inner.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };
        let progress = body.progress();
        // A client that waits for `100 Continue` has sent nothing yet, and reading would ask for it.
        let is_sent = !awaits_permission || progress.begun;
        let mut rest = body.clone();
        let rest = async move { while let Some(Ok(_)) = rest.next().await {} };
        if progress.ended || (is_sent && timeout(REST_AT_HAND, rest).await.is_ok()) {
            return Ok(response);
        }
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if is_sent {
            tokio::spawn(timeout(LINGER, throw_away(body)));
        }
        Ok(response)
    }
}

fn announces_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

async fn throw_away<S, B, E>(mut body: SharedBody<S>)
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    let mut left = MOST_THROWN_AWAY;
    while let Some(Ok(part)) = body.next().await {
        match left.checked_sub(part.as_ref().len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// How far a body was read.
#[derive(Clone, Copy, Default)]
struct Progress {
    begun: bool,
    ended: bool,
}

/// A body that whoever answers may read, and that is still at hand when they did not.
struct SharedBody<S>(Arc<Mutex<(S, Progress)>>);

impl<S> Clone for SharedBody<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> SharedBody<S> {
    fn new(body: S) -> Self {
        Self(Arc::new(Mutex::new((body, Progress::default()))))
    }

    fn progress(&self) -> Progress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl<S: Stream + Unpin> Stream for SharedBody<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (body, progress) = &mut *shared;
        progress.begun = true;
        if progress.ended {
            return Poll::Ready(None);
        }
        let next = Pin::new(body).poll_next(context);
        progress.ended = matches!(next, Poll::Ready(None));
        next
    }
}
