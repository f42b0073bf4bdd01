//! A request as operations see it: who asks, from where, and what its headers say. An operation names its headers in the
//! type of one argument, [`Asked`]; no handler reads a header by itself.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;

use commands::CommandContext;
use domain::ids::StreamVersion;
use domain::permissions::Permissions;
use domain::role::Area;
use domain::values::{Reason, TextValue};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, Registry};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use ring::digest;
use uuid::Uuid;

use super::access::{AccessPurpose, AccessReason};
use super::auth::Caller;
use super::client_address::ClientAddress;
use super::command::ChangeReason;
use super::conditional::{Conditional, IfMatch, IfNoneMatch};
use super::declared_headers::{Given, RequestHeaders, stand_in};
use super::parameter::{IdempotencyKey, Prefer};
use super::problem::{Problem, ProblemCode};
use super::request_id::RequestId;

/// Reads what has a version or a tag, and shows something of patients.
pub type Reading = Asked<(IfNoneMatch, AccessPurpose, AccessReason)>;
/// Reads what is sent each time, and shows something of patients.
pub type Looking = Asked<(AccessPurpose, AccessReason)>;
/// Reads what has a version or a tag, and shows nothing of patients.
pub type Fetching = Asked<(IfNoneMatch,)>;
/// Makes something, once under a key.
pub type Creating = Asked<(IdempotencyKey, Prefer)>;
/// Changes what has a version.
pub type Changing = Asked<(IfMatch, Prefer)>;
/// Changes what has a version, at a version that the client must name.
pub type Revising = Asked<(Conditional, Prefer)>;
/// Changes what has a version, and has no body to say why.
pub type ChangingFor = Asked<(IfMatch, ChangeReason, Prefer)>;
/// Changes what has a version, once under a key.
pub type Stepping = Asked<(IfMatch, IdempotencyKey, Prefer)>;

/// The body of a request without one.
pub const NO_BODY: &str = "";

/// What is known of a request that was let in.
pub struct Received {
    caller: Caller,
    permitted: Permissions,
    client_address: Option<IpAddr>,
    request_id: Option<String>,
    /// Method and path, for the digest of a request that may be repeated.
    operation: Option<String>,
    pub(super) given: Given,
}

impl Received {
    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the caller may look at this area, at this moment.
    pub fn may_read(&self, area: Area) -> bool {
        self.permitted.access(area).may_read()
    }

    /// Whether the caller may change this area, at this moment.
    pub fn may_write(&self, area: Area) -> bool {
        self.permitted.access(area).may_write()
    }

    /// 428 unless the request names the version that it changes.
    pub fn conditional(&self) -> Result<(), Problem> {
        let named = self.given.get::<IfMatch>();
        named.map(|_| ()).ok_or_else(|| Problem::new(ProblemCode::PreconditionRequired))
    }

    /// Whether the client has this version already.
    pub fn has(&self, version: StreamVersion) -> bool {
        self.given.get::<IfNoneMatch>().is_some_and(|known| known.has(version))
    }

    /// Whether the client has what this tag of our own names.
    pub fn has_tag(&self, opaque: &str) -> bool {
        self.given.get::<IfNoneMatch>().is_some_and(|known| known.has_tag(opaque))
    }

    /// Why, as the header says it.
    pub fn change_reason(&self) -> Option<Reason> {
        self.given.get::<ChangeReason>().cloned().map(Reason::from)
    }

    /// Whether the answer may leave before the read models show what was written.
    pub(super) fn respond_async(&self) -> bool {
        self.given.get::<Prefer>().is_some_and(|prefer| prefer.respond_async)
    }

    /// The context of a command that this request asks for: in the caller's name, at a version that the request names, and
    /// once for each key. A repetition asks the same of the same address with the same `body`.
    pub fn context(&self, reason: Option<&Reason>, body: &impl ToJSON) -> CommandContext {
        let key = self.given.get::<IdempotencyKey>().zip(self.operation.as_ref());
        CommandContext {
            actor: self.caller.actor(),
            facility_id: self.caller.facility_id,
            client_address: self.client_address.map(|address| address.to_string()),
            request_id: self.request_id.clone(),
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            reason: reason.map(|reason| reason.as_str().to_owned()),
            idempotency: key.map(|(key, operation)| event_store_schema::IdempotencyKey {
                scope: self.caller.user_id.0,
                key: key.as_str().to_owned(),
                request_hash: request_hash(operation, body),
            }),
            if_match: self.given.get::<IfMatch>().and_then(IfMatch::versions),
        }
    }
}

fn request_hash(operation: &str, body: &impl ToJSON) -> [u8; 32] {
    let mut asked = digest::Context::new(&digest::SHA256);
    asked.update(operation.as_bytes());
    asked.update(b"\n");
    asked.update(body.to_json_string().as_bytes());
    let mut request_hash = [0; 32];
    request_hash.copy_from_slice(asked.finish().as_ref());
    request_hash
}

impl Deref for Received {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// What a signed-in caller asks, with the headers `H` that the operation declares.
pub struct Asked<H>(Received, PhantomData<fn() -> H>);

impl<H> Deref for Asked<H> {
    type Target = Received;

    fn deref(&self) -> &Received {
        &self.0
    }
}

impl<'a, H: RequestHeaders> ApiExtractor<'a> for Asked<H> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter, ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(stand_in::<H>())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let caller = Caller::from_request(request, body, options).await?;
        let mut given = Given::default();
        H::read(request.headers(), &mut given)?;
        let operation = given.get::<IdempotencyKey>();
        let operation = operation.map(|_| format!("{} {}", request.method(), request.original_uri().path()));
        let received = Received {
            caller,
            permitted: request.data::<Permissions>().copied().unwrap_or(Permissions::NONE),
            client_address: ClientAddress::of(request),
            request_id: RequestId::of_request(request).map(str::to_owned),
            operation,
            given,
        };
        Ok(Self(received, PhantomData))
    }
}
