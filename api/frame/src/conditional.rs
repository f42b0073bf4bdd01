//! Versions in HTTP: `ETag` is the stream version in quotes, `If-Match` makes a change conditional on it, and
//! `If-None-Match` spares sending what the client has (RFC 9110, sections 8.8.3 and 13.1).

use domain::ids::StreamVersion;
use poem::http::HeaderMap;
use poem_openapi::error::ParseParamError;
use poem_openapi::registry::MetaSchema;
use ring::digest;
use serde_json::json;

use super::declared_headers::{DeclaredHeader, Given, HeaderDeclaration, RequestHeader};
use super::parameter::TextParameter;
use super::problem::{Problem, ProblemCode};
use crate::text_parameter;

/// The `ETag` of a resource at this version.
pub fn etag(version: StreamVersion) -> String {
    format!("\"{version}\"")
}

/// The opaque part of an `ETag` of what has no version, such as a page of a list: a digest of what is answered. A client that
/// has it knows by [`IfNoneMatch::has_tag`] that nothing on the page has changed.
pub fn content_tag(body: &str) -> String {
    let digest = digest::digest(&digest::SHA256, body.as_bytes());
    digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct EntityTag {
    weak: bool,
    opaque: String,
}

impl EntityTag {
    fn names(&self, version: StreamVersion) -> bool {
        self.opaque == version.get().to_string()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum EntityTags {
    Any,
    Listed(Vec<EntityTag>),
}

const PATTERN: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;

impl EntityTags {
    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(PATTERN.to_owned()), example: Some(json!("\"3\"")), ..MetaSchema::new("string") }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
            opaque.bytes().all(|byte| byte.is_ascii_graphic()).then_some(())?;
            tags.push(EntityTag { weak, opaque: opaque.to_owned() });
            let after = after.trim_start_matches(' ');
            if after.is_empty() {
                return Some(Self::Listed(tags));
            }
            rest = after.strip_prefix(',')?.trim_start_matches(' ');
        }
    }
}

/// `If-Match`: the change is made only if the resource is at (one of) these versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(EntityTags);

impl IfMatch {
    /// Whether a resource at this version may be changed. A weak tag never matches here (strong comparison).
    pub fn holds_for(&self, version: StreamVersion) -> bool {
        match &self.0 {
            EntityTags::Any => true,
            EntityTags::Listed(tags) => tags.iter().any(|tag| !tag.weak && tag.names(version)),
        }
    }

    /// The versions of which a command has to find one: none for `*`. A weak tag never matches, so it names none.
    pub fn versions(&self) -> Option<Vec<StreamVersion>> {
        let EntityTags::Listed(tags) = &self.0 else { return None };
        let strong = tags.iter().filter(|tag| !tag.weak);
        let named = strong.filter_map(|tag| tag.opaque.parse::<u64>().ok().map(StreamVersion::from));
        Some(named.filter(|version| self.holds_for(*version)).collect())
    }

    /// 412 unless a resource at this version may be changed.
    pub fn check(&self, version: StreamVersion) -> Result<(), Problem> {
        if self.holds_for(version) {
            return Ok(());
        }
        Err(Problem::new(ProblemCode::StaleVersion).because(format!("The current version is {version}.")))
    }
}

impl TextParameter for IfMatch {
    const NAME: &'static str = "if_match";

    fn schema() -> MetaSchema {
        EntityTags::schema()
    }

    fn parse(text: &str) -> Result<Self, String> {
        EntityTags::parse(text).map(Self).ok_or_else(|| "Must be `*` or a list of quoted entity tags.".to_owned())
    }
}

text_parameter!(IfMatch);

impl RequestHeader for IfMatch {
    const HEADER: &'static str = "If-Match";
    const MEANING: &'static str = "The version to which it is to happen.";
}

/// `If-None-Match`: the answer is 304 if the resource still is at (one of) these versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch(EntityTags);

impl IfNoneMatch {
    /// Whether the client has this version already (weak comparison).
    pub fn has(&self, version: StreamVersion) -> bool {
        match &self.0 {
            EntityTags::Any => true,
            EntityTags::Listed(tags) => tags.iter().any(|tag| tag.names(version)),
        }
    }

    /// Whether the client has what this tag of our own names (weak comparison): for what has no version.
    pub fn has_tag(&self, opaque: &str) -> bool {
        match &self.0 {
            EntityTags::Any => true,
            EntityTags::Listed(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

impl TextParameter for IfNoneMatch {
    const NAME: &'static str = "if_none_match";

    fn schema() -> MetaSchema {
        EntityTags::schema()
    }

    fn parse(text: &str) -> Result<Self, String> {
        EntityTags::parse(text).map(Self).ok_or_else(|| "Must be `*` or a list of quoted entity tags.".to_owned())
    }
}

text_parameter!(IfNoneMatch);

/// `If-Match` of an operation that answers 428 without it.
pub struct Conditional;

impl DeclaredHeader for Conditional {
    fn declaration() -> HeaderDeclaration {
        HeaderDeclaration { meaning: "The version to which it is to happen. Required.", ..IfMatch::declaration() }
    }

    fn read(headers: &HeaderMap, given: &mut Given) -> Result<(), ParseParamError> {
        IfMatch::read(headers, given)
    }
}

impl RequestHeader for IfNoneMatch {
    const HEADER: &'static str = "If-None-Match";
    const MEANING: &'static str = "What the client has already: 304 if it is still so.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> StreamVersion {
        StreamVersion::from(number)
    }

    #[test]
    fn what_is_sent_as_etag_matches_when_it_comes_back() {
        let condition = IfMatch::parse(&etag(version(3))).unwrap();
        assert!(condition.holds_for(version(3)) && !condition.holds_for(version(4)));
        assert_eq!(condition.versions(), Some(vec![version(3)]));
        assert!(condition.check(version(4)).is_err_and(|problem| problem.code() == ProblemCode::StaleVersion));
    }

    #[test]
    fn any_version_and_lists_are_understood() {
        assert!(IfMatch::parse("*").unwrap().holds_for(version(9)));
        assert_eq!(IfMatch::parse("*").unwrap().versions(), None);
        let list = IfMatch::parse(r#""1" , W/"2","3""#).unwrap();
        assert!(list.holds_for(version(1)) && list.holds_for(version(3)));
        assert!(!list.holds_for(version(2)), "a weak tag never matches a change");
        assert_eq!(list.versions(), Some(vec![version(1), version(3)]));
    }

    #[test]
    fn a_weak_tag_is_good_enough_for_not_sending_again() {
        assert!(IfNoneMatch::parse(r#"W/"2""#).unwrap().has(version(2)));
        assert!(!IfNoneMatch::parse(r#""2""#).unwrap().has(version(3)));
    }

    #[test]
    fn a_tag_that_is_not_one_of_ours_matches_no_version() {
        for text in [r#""""#, r#""03""#, r#""abc""#, r#""+3""#] {
            let condition = IfMatch::parse(text).unwrap();
            assert!(!condition.holds_for(version(3)), "{text}");
            assert_eq!(condition.versions(), Some(vec![]), "{text}");
        }
    }

    #[test]
    fn what_is_no_entity_tag_is_refused() {
        for text in ["", "3", "\"3", "3\"", "\"3\" \"4\"", "\"3\",", ",", "w/\"3\"", "\"a b\"", "*,\"3\"", "**"] {
            assert!(IfMatch::parse(text).is_err(), "{text}");
        }
    }
}
