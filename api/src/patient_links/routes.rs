//! The paths that links lead to. Only what is public goes through here: a token is all that a visitor has.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{Method, StatusCode, header};
use poem::{IntoResponse, Request, Response};
use url::form_urlencoded;

use super::{Answered, DeskError, LinkDesk, LinkKind, Page, PatientLink, PatientLinks, Visitor};
use crate::http::client_address::ClientAddress;
use crate::http::request_id::RequestId;
use crate::http::server::PlainRoute;

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
        let Some((link, desk)) = self.link_of(request) else { return Page::unknown().into_response() };
        match desk.show(&link).await {
            Ok(page) => page.unwrap_or_else(Page::unknown).into_response(),
            Err(error) => trouble(&error),
        }
    }

    async fn answer(&self, mut request: Request) -> Response {
        let body = request.take_body();
        let Some((link, desk)) = self.link_of(&request) else { return Page::unknown().into_response() };
        let form = body.into_bytes_limit(LONGEST_FORM).await.unwrap_or_default();
        let Some((_, answer)) = form_urlencoded::parse(&form).find(|(name, _)| name == "answer") else {
            return Page::not_understood().into_response();
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
            Ok(Answered::NotUnderstood) => Page::not_understood().into_response(),
            Err(error) => trouble(&error),
        }
    }
}

fn trouble(error: &DeskError) -> Response {
    tracing::error!(%error, "a patient's link cannot be served");
    Page::trouble().into_response()
}
