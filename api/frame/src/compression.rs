//! Compression of answers by `Accept-Encoding`: br, zstd or gzip, above 1 KiB, where it helps. The library's own
//! middleware compresses everything, sockets and event streams included, and a 20-byte answer grows by it.

use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::web::{Compress, CompressionAlgo, CompressionLevel};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

const THRESHOLD: usize = 1024;

/// The middleware.
pub struct CompressLarge;

impl<E: Endpoint> Middleware<E> for CompressLarge {
    type Output = CompressLargeEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        CompressLargeEndpoint { inner }
    }
}

/// The endpoint of [`CompressLarge`].
pub struct CompressLargeEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for CompressLargeEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let accepted = best_accepted(request.headers());
        let mut response = self.inner.call(request).await?.into_response();
        if !is_compressible(&response) {
            return Ok(response);
        }
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let Some(algorithm) = accepted else { return Ok(response) };
        // Compressible answers are texts made in memory: taking the bytes copies nothing that is not there already.
        let body = response.take_body().into_bytes().await?;
        let large = body.len() > THRESHOLD;
        response.set_body(body);
        if !large {
            return Ok(response);
        }
        Ok(Compress::new(response, algorithm).with_quality(CompressionLevel::Fastest).into_response())
    }
}

fn is_compressible(response: &Response) -> bool {
    let bodiless = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if bodiless.contains(&response.status()) || response.headers().contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let media_type = response.content_type().and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let text = media_type.starts_with("text/") && media_type != "text/event-stream";
    text || media_type == "application/json" || media_type.ends_with("+json")
}

/// The algorithm with the highest quality value; among equals the one that compresses best.
fn best_accepted(headers: &HeaderMap) -> Option<CompressionAlgo> {
    let ours = [("br", CompressionAlgo::BR), ("zstd", CompressionAlgo::ZSTD), ("gzip", CompressionAlgo::GZIP)];
    let mut qualities = [None; 3];
    let mut any = None;
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
        let Some(quality) = quality else { continue };
        let name = name.trim();
        if name == "*" {
            any = Some(quality);
        } else if let Some(index) = ours.iter().position(|(known, _)| name.eq_ignore_ascii_case(known)) {
            qualities[index] = Some(quality);
        }
    }
    let mut best: Option<(f32, CompressionAlgo)> = None;
    for (given, (_, algorithm)) in qualities.into_iter().zip(ours) {
        let quality = given.or(any).unwrap_or(0.0);
        if quality > best.map_or(0.0, |(highest, _)| highest) {
            best = Some((quality, algorithm));
        }
    }
    best.map(|(_, algorithm)| algorithm)
}

#[cfg(test)]
mod tests {
    use poem::EndpointExt;
    use poem::endpoint::make_sync;
    use poem::test::TestClient;

    use super::*;

    async fn encoding_of(size: usize, media_type: &'static str, accepted: &str) -> Option<String> {
        let endpoint = make_sync(move |_| Response::builder().content_type(media_type).body("a".repeat(size)));
        let client = TestClient::new(endpoint.with(CompressLarge));
        let response = client.get("/").header("accept-encoding", accepted).send().await;
        response.0.header("content-encoding").map(str::to_owned)
    }

    #[tokio::test]
    async fn only_texts_above_one_kibibyte_are_compressed() {
        assert_eq!(encoding_of(1025, "application/json", "gzip").await.as_deref(), Some("gzip"));
        assert_eq!(encoding_of(1024, "application/json", "gzip").await, None);
        assert_eq!(encoding_of(9999, "application/pdf", "gzip").await, None);
        assert_eq!(encoding_of(9999, "text/event-stream", "gzip").await, None);
        assert_eq!(encoding_of(9999, "application/problem+json", "zstd").await.as_deref(), Some("zstd"));
    }

    #[tokio::test]
    async fn the_client_chooses_by_quality() {
        for (accepted, chosen) in [
            ("gzip, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0.5", Some("gzip")),
            ("br;q=0, *", Some("zstd")),
            ("identity", None),
            ("deflate", None),
            ("gzip;q=x", None),
            ("", None),
        ] {
            assert_eq!(encoding_of(2000, "text/plain", accepted).await.as_deref(), chosen, "{accepted}");
        }
    }
}
