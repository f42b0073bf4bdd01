//! Pages of a list: by number for people, by opaque cursor for programs (which costs the same on every page), and the
//! `Link` header of RFC 8288 that names the neighbouring pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::registry::MetaSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::parameter::{TextParameter, integer_schema, parse_integer};
use super::problem::Problem;
use super::query::encode;
use crate::text_parameter;

/// A page's number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageNumber(pub u32);

const MAX_PAGE: u32 = 1_000_000;

impl TextParameter for PageNumber {
    const NAME: &'static str = "page_number";

    fn schema() -> MetaSchema {
        integer_schema(1, MAX_PAGE, None)
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse_integer(text, 1, MAX_PAGE).map(Self)
    }
}

text_parameter!(PageNumber);

/// How many items a page holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(pub u32);

const MAX_LIMIT: u32 = 200;

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

impl TextParameter for PageLimit {
    const NAME: &'static str = "page_limit";

    fn schema() -> MetaSchema {
        integer_schema(1, MAX_LIMIT, Some(Self::default().0))
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse_integer(text, 1, MAX_LIMIT).map(Self)
    }
}

text_parameter!(PageLimit);

/// Where a page begins, as a text that means something to the server alone. It is not encrypted: a list puts sort keys
/// and identifiers into it, as it puts them into the page itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

const MAX_CURSOR: usize = 1024;

impl Cursor {
    /// Seals a position in a list.
    pub fn of<T: Serialize>(position: &T) -> Option<Self> {
        serde_json::to_vec(position).ok().map(|json| Self(URL_SAFE_NO_PAD.encode(json)))
    }

    /// The position, if this is a cursor of such a list: 400 otherwise.
    pub fn position<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let json = URL_SAFE_NO_PAD.decode(&self.0).ok();
        json.and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| Problem::invalid_parameter("cursor", "cursor", "This is not a cursor of this list."))
    }

    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextParameter for Cursor {
    const NAME: &'static str = "cursor";

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_CURSOR),
            pattern: Some("^[A-Za-z0-9_-]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let base64url = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let valid = base64url && (1..=MAX_CURSOR).contains(&text.len());
        valid.then(|| Self(text.to_owned())).ok_or_else(|| "Must be a cursor that a list gave.".to_owned())
    }
}

text_parameter!(Cursor);

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Where it begins.
    pub start: PageStart,
    /// How many items it holds at most.
    pub limit: PageLimit,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageStart {
    /// At the page of this number; 1 is the first.
    Number(PageNumber),
    /// Where another page's cursor says.
    Cursor(Cursor),
}

impl PageRequest {
    /// From the three parameters; `page` and `cursor` together are refused, for they could contradict each other.
    pub fn new(page: Option<PageNumber>, limit: Option<PageLimit>, cursor: Option<Cursor>) -> Result<Self, Problem> {
        let start = match (page, cursor) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_parameter("cursor", "exclusive", "Give either `page` or `cursor`."));
            }
            (page, None) => PageStart::Number(page.unwrap_or(PageNumber(1))),
            (None, Some(cursor)) => PageStart::Cursor(cursor),
        };
        Ok(Self { start, limit: limit.unwrap_or_default() })
    }
}

/// Builds the value of a `Link` header for one list.
pub struct Links<'a> {
    path: &'a str,
    /// The parameters that all pages share, such as `search` and `limit`.
    shared: Vec<(&'a str, String)>,
    links: Vec<String>,
}

impl<'a> Links<'a> {
    /// For the list at `path`, with the parameters that all its pages share.
    pub fn new(path: &'a str, shared: Vec<(&'a str, String)>) -> Self {
        Self { path, shared, links: Vec::new() }
    }

    /// Adds the page at this number under a relation such as `first`, `prev`, `next` or `last`.
    #[must_use]
    pub fn page(self, relation: &str, page: u32) -> Self {
        self.link(relation, "page", &page.to_string())
    }

    /// Adds the page at this cursor.
    #[must_use]
    pub fn cursor(self, relation: &str, cursor: &Cursor) -> Self {
        self.link(relation, "cursor", cursor.as_str())
    }

    /// Adds those of the first, previous, next and last page that are known. `total` is how many items there are on all
    /// pages, if that is known; `next` is the cursor of the next page, if there is one.
    #[must_use]
    pub fn around(self, request: &PageRequest, total: Option<u64>, next: Option<&Cursor>) -> Self {
        let mut links = self.page("first", 1);
        match &request.start {
            PageStart::Number(number) => {
                if number.0 > 1 {
                    links = links.page("prev", number.0 - 1);
                }
                if next.is_some() {
                    links = links.page("next", number.0 + 1);
                }
                let last = total.map(|total| total.div_ceil(request.limit.0.into()).max(1));
                match last.map(u32::try_from) {
                    Some(Ok(last)) => links.page("last", last),
                    Some(Err(_)) | None => links,
                }
            }
            PageStart::Cursor(_) => match next {
                Some(next) => links.cursor("next", next),
                None => links,
            },
        }
    }

    fn link(mut self, relation: &str, parameter: &str, value: &str) -> Self {
        let shared = self.shared.iter().map(|(name, value)| format!("{name}={}&", encode(value)));
        let query: String = shared.collect();
        self.links.push(format!("<{}?{query}{parameter}={}>; rel=\"{relation}\"", self.path, encode(value)));
        self
    }

    /// The header's value, if there is any link.
    pub fn header(self) -> Option<String> {
        (!self.links.is_empty()).then(|| self.links.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_starts_at_its_first_page_of_fifty() {
        let request = PageRequest::new(None, None, None).unwrap();
        assert_eq!(request.start, PageStart::Number(PageNumber(1)));
        assert_eq!(request.limit, PageLimit(50));
    }

    #[test]
    fn a_page_number_and_a_cursor_exclude_each_other() {
        let cursor = Cursor::of(&("a", 1)).unwrap();
        assert!(PageRequest::new(Some(PageNumber(2)), None, Some(cursor)).is_err());
    }

    #[test]
    fn a_cursor_gives_back_what_was_put_in_and_nothing_else() {
        let cursor = Cursor::of(&("Élise".to_owned(), 7_u32)).unwrap();
        let travelled = Cursor::parse(cursor.as_str()).unwrap();
        assert_eq!(travelled.position::<(String, u32)>().unwrap(), ("Élise".to_owned(), 7));
        assert!(travelled.position::<u32>().is_err());
        assert!(Cursor::parse("AAAA").unwrap().position::<u32>().is_err());
        assert!(Cursor::parse("a=").is_err());
        assert!(Cursor::parse("").is_err());
    }

    #[test]
    fn links_keep_the_parameters_that_the_pages_share() {
        let links = Links::new("/api/v1/patients", vec![("search", "é & co".to_owned()), ("limit", "20".to_owned())]);
        assert_eq!(
            links.page("first", 1).page("next", 3).header().as_deref(),
            Some(
                "</api/v1/patients?search=%C3%A9%20%26%20co&limit=20&page=1>; rel=\"first\", \
                 </api/v1/patients?search=%C3%A9%20%26%20co&limit=20&page=3>; rel=\"next\""
            )
        );
    }
}
