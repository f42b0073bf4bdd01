//! Puts the frame around the resources, and serves them until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use event_store_schema::AccessTrail;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, header};
use poem::listener::{Acceptor, Listener, TcpAcceptor, TcpListener};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route, RouteMethod, Server};
use poem_openapi::{OpenApi, OpenApiService};
use tokio_util::sync::CancellationToken;

use super::access::RefusalsTraced;
use super::client_address::TrustedProxies;
use super::compression::CompressLarge;
use super::document::openapi_document;
use super::errors::ProblemAnswers;
use super::limits::Limits;
use super::observe::Observe;
use super::origins::Origins;
use super::permissions::{PermissionMismatch, PermissionTable, match_operations};
use super::problem_code::explanations_page;
use super::rate::RateSettings;
use super::routes::{Checked, FIRST_PARAMETER, RouteTable, RouteTemplate, router_pattern};
use super::security_headers::SecurityHeaders;
use super::tls::{Certificate, TlsConnections, TlsError};
use crate::auth::tokens::AccessTokens;

/// The whole interface, as one endpoint.
pub type App = BoxEndpoint<'static, Response>;

/// A path that is no operation of the OpenAPI document, such as a WebSocket, or the document itself.
pub struct PlainRoute {
    path: &'static str,
    endpoints: Vec<(Method, BoxEndpoint<'static, Response>)>,
}

impl PlainRoute {
    /// Serves `path` for this method. One segment of it may be a parameter, such as `{token}`.
    pub fn new<E>(method: Method, path: &'static str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self { path, endpoints: Vec::with_capacity(1) }.and(method, endpoint)
    }

    /// And for another method.
    #[must_use]
    pub fn and<E>(mut self, method: Method, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.endpoints.push((method, endpoint.into_endpoint().map_to_response().boxed()));
        self
    }

    /// The parameter in the path of a request that came by such a route.
    pub fn path_parameter(request: &Request) -> Option<&str> {
        request.raw_path_param(FIRST_PARAMETER)
    }
}

/// What the frame is told by the configuration.
#[derive(Clone, Default)]
pub struct FrameSettings {
    /// What the server takes on at a time.
    pub limits: Limits,
    /// How often one caller may ask.
    pub rates: RateSettings,
    /// Whose pages may speak to it.
    pub origins: Origins,
    /// Who is believed about where a request comes from.
    pub proxies: TrustedProxies,
    /// What every answer tells the browser.
    pub headers: SecurityHeaders,
    /// Where refused tries are traced; nowhere without.
    pub trail: Option<AccessTrail>,
}

/// The frame does not fit the API.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The OpenAPI document cannot be made.
    #[error("the OpenAPI document is not valid: {0}")]
    Document(#[from] serde_json::Error),
    /// An operation would be served without anybody having said to whom.
    #[error(transparent)]
    Permissions(#[from] PermissionMismatch),
}

/// Puts the frame around an API and some plain routes.
pub fn app<A>(
    api: A,
    plain: Vec<PlainRoute>,
    tokens: Arc<AccessTokens>,
    permissions: PermissionTable,
    settings: FrameSettings,
) -> Result<App, FrameError>
where
    A: OpenApi + 'static,
{
    let permissions = match_operations(&A::meta(), permissions)?;
    let checked = Checked::new(api, tokens, permissions.clone());
    let service = OpenApiService::new(checked, "MedicalPro", env!("CARGO_PKG_VERSION"))
        .description("The backend of a medical practice. Errors are explained in docs/errors.md.")
        .server("/");
    let document = openapi_document(&service, &permissions)?;
    let mut table = RouteTable::declared_by::<A>();
    let documents = document_routes(&document);
    let mut route = Route::new();
    for plain in plain.into_iter().chain(documents) {
        let methods: Vec<Method> = plain.endpoints.iter().map(|(method, _)| method.clone()).collect();
        table.add(plain.path, &methods);
        let template = RouteTemplate(plain.path.into());
        let by_method = plain.endpoints.into_iter().fold(RouteMethod::new(), |by_method, (method, endpoint)| {
            let template = template.clone();
            let named = endpoint.after(move |outcome| {
                let template = template.clone();
                async move {
                    outcome.map(|mut response: Response| {
                        response.set_data(template);
                        response
                    })
                }
            });
            by_method.method(method, named)
        });
        route = route.at(router_pattern(plain.path), by_method);
    }
    let table = Arc::new(table);
    let app = route
        .nest_no_strip("/", service)
        .with(settings.limits)
        .with(RefusalsTraced(settings.trail))
        .with(ProblemAnswers::new(Arc::clone(&table)))
        .with(settings.rates)
        .with(CompressLarge);
    // A refusal of CORS is a problem as well; those from within get its headers, so that scripts can read them.
    let app = app.with(settings.origins).with(ProblemAnswers::new(table));
    let app = app.with(settings.proxies).with(settings.headers).with(Observe);
    Ok(app.map_to_response().boxed())
}

/// The document for programs, and pages for people. They bring their scripts along: nothing is loaded from elsewhere,
/// and the browser is told to insist on that.
fn document_routes(document: &serde_json::Value) -> [PlainRoute; 3] {
    let json = document.to_string();
    [
        fixed("/docs", "text/html; charset=utf-8", swagger_page(&json)),
        fixed("/docs/errors", "text/html; charset=utf-8", explanations_page()),
        fixed("/openapi.json", "application/json", json),
    ]
}

fn fixed(path: &'static str, content_type: &'static str, content: String) -> PlainRoute {
    const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let content: Arc<str> = content.into();
    let answer = move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .body(content.to_string())
    };
    PlainRoute::new(Method::GET, path, poem::endpoint::make_sync(answer))
}

/// The library renders its own version of the document into the page; ours takes its place.
fn swagger_page(document: &str) -> String {
    let empty = OpenApiService::new((), "MedicalPro", env!("CARGO_PKG_VERSION"));
    // Inside a script element, `</` would end it.
    let document = document.replace("</", "<\\/");
    empty.swagger_ui_html().replace(&empty.spec(), &document)
}

/// A socket that accepts connections already, so that its address is known before anything is served.
pub struct Bound {
    acceptor: TcpAcceptor,
    address: SocketAddr,
}

impl Bound {
    /// Opens the socket; port 0 takes any free port.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let acceptor = TcpListener::bind(address).into_acceptor().await?;
        let bound = acceptor.local_addr().into_iter().find_map(|local| local.as_socket_addr().copied());
        let address = bound.ok_or_else(|| io::Error::other("the socket has no address"))?;
        Ok(Self { acceptor, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled; requests in flight then have `grace` to finish.
    pub async fn serve<E>(self, app: E, stop: CancellationToken, grace: Duration) -> io::Result<()>
    where
        E: Endpoint + 'static,
    {
        serve_on(self.acceptor, app, stop, grace).await
    }

    /// The same by TLS alone.
    pub async fn serve_tls<E>(
        self,
        app: E,
        certificate: &Certificate,
        stop: CancellationToken,
        grace: Duration,
    ) -> Result<(), ServeTlsError>
    where
        E: Endpoint + 'static,
    {
        let connections = TlsConnections::over(self.acceptor, self.address, certificate)?;
        Ok(serve_on(connections, app, stop, grace).await?)
    }
}

/// Serving by TLS does not begin, or fails.
#[derive(Debug, thiserror::Error)]
pub enum ServeTlsError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn serve_on<A, E>(acceptor: A, app: E, stop: CancellationToken, grace: Duration) -> io::Result<()>
where
    A: Acceptor + 'static,
    E: Endpoint + 'static,
{
    Server::new_with_acceptor(acceptor)
        .idle_timeout(Duration::from_secs(75))
        .run_with_graceful_shutdown(app, stop.cancelled_owned(), Some(grace))
        .await
}
