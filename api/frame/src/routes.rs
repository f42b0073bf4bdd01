//! What stands between the router and every operation of the OpenAPI document: who calls (before anything else is
//! looked at), whether they may, and whether the parameters are the declared ones, once each and well-formed. The rules are read from the
//! operation's own declaration, so an operation cannot forget them, and document and behaviour cannot differ.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderName, Method};
use poem::{Endpoint, Request, Response, Result};
use poem_openapi::error::{ParseParamError, ParsePathError};
use poem_openapi::registry::{MetaOperation, MetaParamIn};

use super::access::{AccessPurpose, Circumstances, Trace};
use super::auth::{Caller, authenticate};
use super::declared_headers::RequestHeader;
use super::permissions::Permission;
use super::problem::{Problem, ProblemCode};
use super::query::check_query;
use super::rate::RateReadings;
use super::refusals::RefusedCaller;
use super::shown::Shown;
use accounts::sessions::Sessions;
use accounts::tokens::{AccessTokens, TokenHolder};
use event_store_schema::AccessTrail;

/// What is open to somebody who still has to set up the second factor that their practice requires.
const OPEN_FOR_ENROLLMENT: &str = "/api/v1/auth/";

/// Operations as the library keeps them: by the router's pattern of their path, and by method.
pub(super) type Operations = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// The declared path of the operation that answered, such as `/api/v1/patients/{id}`: what logs and metrics name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate(pub Arc<str>);

/// One path and the methods it has.
pub struct RouteEntry {
    /// The path as declared.
    pub template: RouteTemplate,
    methods: BTreeSet<String>,
}

impl RouteEntry {
    fn of(template: &str) -> Self {
        Self { template: RouteTemplate(template.into()), methods: BTreeSet::new() }
    }

    /// Where GET is allowed, HEAD is.
    fn allow(&mut self, method: &Method) {
        self.methods.insert(method.as_str().to_owned());
        if method == Method::GET {
            self.methods.insert(Method::HEAD.as_str().to_owned());
        }
    }

    /// The value of `Allow`.
    pub fn allowed(&self) -> String {
        self.methods.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// All paths, by the router's own pattern for them.
#[derive(Default)]
pub struct RouteTable(HashMap<String, RouteEntry>);

impl RouteTable {
    /// Adds a path of the OpenAPI document with one of its methods.
    pub(super) fn declare(&mut self, template: &str, method: &Method) {
        let declared = self.0.entry(router_pattern(template)).or_insert_with(|| RouteEntry::of(template));
        declared.allow(method);
    }

    /// Adds a path that is served outside the OpenAPI document.
    pub fn add(&mut self, template: &str, methods: &[Method]) {
        methods.iter().for_each(|method| self.declare(template, method));
    }

    /// The path whose pattern the router matched.
    pub fn by_pattern(&self, pattern: &str) -> Option<&RouteEntry> {
        self.0.get(pattern)
    }
}

/// How the router calls the first parameter of a path.
pub(super) const FIRST_PARAMETER: &str = "param0";

/// The router writes `/patients/{id}` as `/patients/:param0`.
pub(super) fn router_pattern(template: &str) -> String {
    let mut parameters = 0;
    let segments = template.split('/').map(|segment| {
        if segment.starts_with('{') {
            parameters += 1;
            format!(":param{}", parameters - 1)
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// What an operation's own declaration says of its parameters, its permission, and whether it needs a fresh proof.
pub(super) struct OperationRules {
    template: RouteTemplate,
    path: Vec<String>,
    query: Vec<String>,
    headers: Vec<HeaderName>,
    permission: Permission,
    step_up: bool,
}

impl OperationRules {
    pub(super) fn declared_by(template: &str, operation: &MetaOperation, permission: Permission) -> Self {
        let names = |place: MetaParamIn| {
            let params = operation.params.iter().filter(move |param| param.in_type == place);
            params.map(|param| param.name.clone())
        };
        Self {
            template: RouteTemplate(template.into()),
            path: names(MetaParamIn::Path).collect(),
            query: names(MetaParamIn::Query).collect(),
            headers: names(MetaParamIn::Header).filter_map(|name| name.parse().ok()).collect(),
            permission,
            step_up: permission.needs_step_up(&operation.method),
        }
    }
}

impl OperationRules {
    /// Under what circumstances this request is made. Headers that the operation does not declare say nothing.
    fn circumstances(&self, request: &Request) -> Circumstances {
        if self.headers.iter().any(|header| header.as_str().eq_ignore_ascii_case(AccessPurpose::HEADER)) {
            Circumstances::declared(request)
        } else {
            Circumstances::undeclared(request)
        }
    }
}

/// An operation that is checked before it runs.
pub(super) struct CheckedOperation {
    pub(super) inner: BoxEndpoint<'static>,
    pub(super) rules: OperationRules,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) trail: Option<AccessTrail>,
    pub(super) sessions: Option<Sessions>,
}

impl Endpoint for CheckedOperation {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match self.run(request).await {
            Ok(mut response) => {
                response.set_data(self.rules.template.clone());
                Ok(response)
            }
            Err(mut error) => {
                error.set_data(self.rules.template.clone());
                Err(error)
            }
        }
    }
}

impl CheckedOperation {
    async fn run(&self, mut request: Request) -> Result<Response> {
        if self.rules.permission == Permission::Public {
            return self.run_known(request).await;
        }
        let TokenHolder { member, permissions, must_enroll } = authenticate(request.headers(), &self.tokens).await?;
        let caller = Caller(member);
        RateReadings::charge_user(&request, caller.user_id)?;
        let admitted = if must_enroll && !self.rules.template.0.starts_with(OPEN_FOR_ENROLLMENT) {
            Err(Problem::new(ProblemCode::EnrollmentRequired))
        } else {
            self.rules.permission.check(caller.role, &permissions)
        };
        let admitted = match admitted {
            Ok(()) if self.rules.step_up => self.require_step_up(&caller).await,
            admitted => admitted,
        };
        let circumstances = self.rules.circumstances(&request);
        let trace = self.trail.as_ref().map(|trail| Trace::under(circumstances, trail, &caller));
        request.set_data(caller.clone());
        request.set_data(permissions);
        let outcome = match admitted {
            Ok(()) => self.traced(self.run_known(request).await, trace).await,
            Err(refusal) => Err(refusal.into()),
        };
        outcome.map_err(|mut error| {
            error.set_data(RefusedCaller { caller, area: self.rules.permission.area() });
            error
        })
    }

    /// 403 unless the caller proved lately who they are. Where no sessions can be asked, nobody did.
    async fn require_step_up(&self, caller: &Caller) -> Result<(), Problem> {
        let fresh = match &self.sessions {
            Some(sessions) => sessions.is_stepped_up(caller.session_id).await?,
            None => false,
        };
        if fresh { Ok(()) } else { Err(Problem::new(ProblemCode::StepUpRequired)) }
    }

    /// The answer, once it is traced what it shows. What cannot be traced is not shown, and what an answer does not say it
    /// shows cannot be traced.
    async fn traced(&self, outcome: Result<Response>, trace: Option<Trace>) -> Result<Response> {
        let shown = match &outcome {
            Ok(response) => response.data::<Shown>(),
            Err(error) => error.downcast_ref::<Problem>().and_then(Problem::shown),
        };
        let Some(shown) = shown.cloned() else {
            if outcome.is_ok() && self.rules.permission.is_traced() {
                let route = &*self.rules.template.0;
                tracing::error!(route, "an answer does not say what it shows of patients, and is not sent");
                return Err(Problem::new(ProblemCode::InternalError).into());
            }
            return outcome;
        };
        if let Some(seen) = shown.into_seen() {
            let trace = trace.ok_or_else(|| Problem::new(ProblemCode::NotReady))?;
            trace.shown(self.rules.permission.area(), seen).await?;
        }
        outcome
    }

    /// Once it is known who asks, where that matters.
    async fn run_known(&self, request: Request) -> Result<Response> {
        check_query(&self.rules.query, request.uri().query().unwrap_or_default())?;
        self.check_headers(&request)?;
        self.inner.call(request).await.map_err(|error| self.explain(error))
    }

    /// A declared header is given once, in visible ASCII; the library would skip a value that is not.
    fn check_headers(&self, request: &Request) -> Result<(), Problem> {
        for name in &self.rules.headers {
            let values: Vec<_> = request.headers().get_all(name).iter().collect();
            if values.len() > 1 {
                return Err(Problem::invalid_parameter(name.as_str(), "once", "The header is given more than once."));
            }
            if values.iter().any(|value| value.to_str().is_err()) {
                return Err(Problem::invalid_parameter(name.as_str(), "encoding", "The header is not visible ASCII."));
            }
        }
        Ok(())
    }

    /// The library's parameter errors, with the parameter's own name (it calls path parameters `param0`, `param1`, …).
    fn explain(&self, error: poem::Error) -> poem::Error {
        let (name, reason) = if let Some(ParsePathError { name, reason }) = error.downcast_ref() {
            let index = name.strip_prefix("param").and_then(|index| index.parse::<usize>().ok());
            let declared = index.and_then(|index| self.rules.path.get(index));
            (declared.map_or(*name, String::as_str), reason)
        } else if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
            (*name, reason)
        } else {
            return error;
        };
        let missing = reason.contains("expects an input value");
        let rule = if missing { "required" } else { "format" };
        let detail = if missing { "The parameter is required." } else { plain_reason(reason) };
        Problem::invalid_parameter(name, rule, detail).into()
    }
}

/// `failed to parse "page_number": Must be … (occurred while parsing "optional_page_number")`, without the parts that
/// speak of the program.
fn plain_reason(reason: &str) -> &str {
    let own_words = reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once("\": "));
    let own_words = own_words.map_or(reason, |(_, own_words)| own_words);
    own_words.split_once(" (occurred while parsing").map_or(own_words, |(own_words, _)| own_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_written_as_the_router_writes_it() {
        assert_eq!(router_pattern("/api/v1/records/{id}/versions/{n}"), "/api/v1/records/:param0/versions/:param1");
        assert_eq!(router_pattern("/"), "/");
    }

    #[test]
    fn a_reason_is_given_in_our_own_words() {
        let reason = r#"failed to parse "page": Must be 1. (occurred while parsing "optional_page")"#;
        assert_eq!(plain_reason(reason), "Must be 1.");
        assert_eq!(plain_reason("Anything else."), "Anything else.");
    }

    #[test]
    fn head_is_allowed_where_get_is() {
        let mut table = RouteTable::default();
        table.add("/x/{id}", &[Method::PUT, Method::GET]);
        assert_eq!(table.by_pattern("/x/:param0").map(RouteEntry::allowed).as_deref(), Some("GET, HEAD, PUT"));
    }
}
