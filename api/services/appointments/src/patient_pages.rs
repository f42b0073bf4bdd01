//! The paths that links lead to. Only what is public goes through here: a token is all that a visitor has.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{Method, StatusCode, header};
use poem::{Request, Response};
use url::form_urlencoded;

use frame::client_address::ClientAddress;
use frame::request_id::RequestId;
use frame::server::PlainRoute;
use policies::patient_links::{
    Answered, DeskError, LinkDesk, LinkKind, Page, PageKind, PatientLink, PatientLinks, Visitor,
};

/// The path as declared: what logs, traces and metrics name instead of the address that was opened.
pub const PATH: &str = "/rdv/{token}";

/// More than any form of ours.
const LONGEST_FORM: usize = 256;

struct Pages {
    links: PatientLinks,
    desks: HashMap<LinkKind, Arc<dyn LinkDesk>>,
}

/// What is served to patients who open links, with who answers for each kind of them.
pub fn patient_pages(
    links: PatientLinks,
    desks: impl IntoIterator<Item = (LinkKind, Arc<dyn LinkDesk>)>,
) -> PlainRoute {
    let pages = Arc::new(Pages { links, desks: desks.into_iter().collect() });
    let shown = Arc::clone(&pages);
    PlainRoute::new(
        Method::GET,
        PATH,
        make(move |request: Request| {
            let pages = Arc::clone(&shown);
            async move { pages.show(&request).await }
        }),
    )
    .and(
        Method::POST,
        make(move |request: Request| {
            let pages = Arc::clone(&pages);
            async move { pages.answer(request).await }
        }),
    )
}

impl Pages {
    /// What the token of this request says, and who answers for it.
    fn link_of(&self, request: &Request) -> Option<(PatientLink, &dyn LinkDesk)> {
        let token = PlainRoute::path_parameter(request)?;
        let link = self.links.read(token)?;
        Some((link, self.desks.get(&link.kind)?.as_ref()))
    }

    async fn show(&self, request: &Request) -> Response {
        let Some((link, desk)) = self.link_of(request) else { return sent(&Page::unknown()) };
        match desk.show(&link).await {
            Ok(page) => sent(&page.unwrap_or_else(Page::unknown)),
            Err(error) => trouble(&error),
        }
    }

    async fn answer(&self, mut request: Request) -> Response {
        let body = request.take_body();
        let Some((link, desk)) = self.link_of(&request) else { return sent(&Page::unknown()) };
        let form = body.into_bytes_limit(LONGEST_FORM).await.unwrap_or_default();
        let Some((_, answer)) = form_urlencoded::parse(&form).find(|(name, _)| name == "answer") else {
            return sent(&Page::not_understood());
        };
        let visitor = Visitor {
            client_address: ClientAddress::of(&request).map(|address| address.to_string()),
            request_id: RequestId::of_request(&request).map(str::to_owned),
        };
        match desk.answer(&link, &answer, &visitor).await {
            // Back to the page: reloading it then answers nothing again.
            Ok(Answered::Heard) => Response::builder()
                .status(StatusCode::SEE_OTHER)
                .header(header::LOCATION, request.original_uri().path())
                .header(header::CACHE_CONTROL, "no-store")
                .finish(),
            Ok(Answered::NotUnderstood) => sent(&Page::not_understood()),
            Err(error) => trouble(&error),
        }
    }
}

fn trouble(error: &DeskError) -> Response {
    tracing::error!(%error, "a patient's link cannot be served");
    sent(&Page::trouble())
}

/// The answer with a page. Nobody keeps it: what it says may change.
fn sent(page: &Page) -> Response {
    let status = match page.kind {
        PageKind::Found => StatusCode::OK,
        PageKind::Over => StatusCode::GONE,
        PageKind::Unknown => StatusCode::NOT_FOUND,
        PageKind::NotUnderstood => StatusCode::BAD_REQUEST,
        PageKind::Trouble => StatusCode::SERVICE_UNAVAILABLE,
    };
    let Ok(html) = page.html() else { return StatusCode::INTERNAL_SERVER_ERROR.into() };
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, Page::security_policy())
        .header(header::CACHE_CONTROL, "no-store")
        .header("x-robots-tag", "noindex, nofollow")
        .body(html)
}
