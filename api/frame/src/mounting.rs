//! Puts the frame around the operations of the services that this process serves. A service mounts its operations with
//! their permissions; [`Frame::app`] checks that nothing is declared twice or for nobody, joins the documents, and wraps
//! every operation in what all of them share.

use std::collections::HashMap;
use std::sync::Arc;

use accounts::tokens::AccessTokens;
use poem::http::Method;
use poem::{EndpointExt, Response, Route, RouteMethod};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::Value;

use super::compression::CompressLarge;
use super::declared_headers::expanded;
use super::document::{DocumentClash, Documents, TITLE};
use super::errors::ProblemAnswers;
use super::observe::Observe;
use super::permissions::{OperationPermissions, Permission, PermissionMismatch, PermissionTable, match_operations};
use super::refusals::RefusalsTraced;
use super::routes::{CheckedOperation, OperationRules, Operations, RouteTable, RouteTemplate, router_pattern};
use super::server::{App, FrameSettings, PlainRoute, document_routes};
use super::unread_body::UnreadBodies;

/// The operations do not fit together, or nobody said who may use them.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The OpenAPI document cannot be made.
    #[error("the OpenAPI document is not valid: {0}")]
    Document(#[from] serde_json::Error),
    /// Two services give the same name to what is not the same.
    #[error(transparent)]
    Clash(#[from] DocumentClash),
    /// Two operations have one id.
    #[error("the operation {0} is declared twice")]
    DeclaredTwice(&'static str),
    /// An operation would be served without anybody having said to whom.
    #[error(transparent)]
    Permissions(#[from] PermissionMismatch),
}

/// An operation that is mounted, as `medicalpro services` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedOperation {
    /// Its id in the OpenAPI document.
    pub id: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path as declared.
    pub path: String,
    /// What it asks of its caller.
    pub permission: Permission,
}

/// What operations declare, by the router's pattern of their path and by method.
type Rules = HashMap<(String, Method), OperationRules>;

/// What is to be served. Mistakes are kept until [`Frame::app`], so that services mount without asking.
#[derive(Default)]
pub struct Frame {
    operations: HashMap<String, HashMap<Method, (poem::endpoint::BoxEndpoint<'static>, OperationRules)>>,
    documents: Documents,
    permissions: OperationPermissions,
    mounted: Vec<MountedOperation>,
    table: RouteTable,
    plain: Vec<PlainRoute>,
    plain_paths: Vec<(&'static str, Vec<Method>)>,
    mistake: Option<FrameError>,
}

impl Frame {
    /// Mounts operations, each with its row in the table of permissions.
    pub fn mount<A: OpenApi + 'static>(&mut self, api: A, permissions: PermissionTable) {
        let rules = self.declared::<A>(permissions);
        let mut operations = Operations::new();
        api.add_routes(&mut operations);
        let mut rules = match rules {
            Ok(rules) => rules,
            Err(mistake) => return self.remember(mistake),
        };
        for (pattern, methods) in operations {
            for (method, endpoint) in methods {
                // A hidden operation has no declaration, and so no permission: it is not served.
                let Some(rules) = rules.remove(&(pattern.clone(), method.clone())) else { continue };
                self.operations.entry(pattern.clone()).or_default().insert(method, (endpoint, rules));
            }
        }
    }

    /// Declares operations without serving them.
    pub fn declare<A: OpenApi + 'static>(&mut self, permissions: PermissionTable) {
        if let Err(mistake) = self.declared::<A>(permissions) {
            self.remember(mistake);
        }
    }

    /// Declares a path that is no operation of the OpenAPI document.
    pub fn declare_route(&mut self, path: &'static str, methods: &[Method]) {
        self.plain_paths.push((path, methods.to_vec()));
    }

    /// Mounts a path that is no operation of the OpenAPI document.
    pub fn route(&mut self, plain: PlainRoute) {
        self.plain.push(plain);
    }

    /// The operations that are mounted.
    pub fn mounted(&self) -> &[MountedOperation] {
        &self.mounted
    }

    /// The paths outside the OpenAPI document, each with its methods.
    pub fn plain_paths(&self) -> &[(&'static str, Vec<Method>)] {
        &self.plain_paths
    }

    /// The document of all that is mounted, or what is wrong with it.
    pub fn into_document(self) -> Result<Value, FrameError> {
        self.mistake.map_or_else(|| Ok(self.documents.finished(&self.permissions)), Err)
    }

    fn remember(&mut self, mistake: FrameError) {
        self.mistake.get_or_insert(mistake);
    }

    fn declared<A: OpenApi + 'static>(&mut self, table: PermissionTable) -> Result<Rules, FrameError> {
        let metas = expanded(A::meta());
        let matched = match_operations(&metas, table)?;
        self.documents.join(&described::<A>()?)?;
        let mut rules = Rules::new();
        for path in metas.iter().flat_map(|api: &MetaApi| &api.paths) {
            for operation in &path.operations {
                let Some((id, permission)) = operation.operation_id.and_then(|id| Some((id, *matched.get(id)?))) else {
                    continue;
                };
                if self.permissions.insert(id, permission).is_some() {
                    return Err(FrameError::DeclaredTwice(id));
                }
                let method = operation.method.clone();
                self.table.declare(&path.path, &method);
                let declared = OperationRules::declared_by(&path.path, operation, permission);
                rules.insert((router_pattern(&path.path), method.clone()), declared);
                self.mounted.push(MountedOperation { id, method, path: path.path.clone(), permission });
            }
        }
        Ok(rules)
    }

    /// Everything that was mounted, as one endpoint; callers are known by these tokens.
    pub fn app(self, tokens: &Arc<AccessTokens>, settings: FrameSettings) -> Result<App, FrameError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let document = self.documents.finished(&self.permissions);
        let checked = self.operations.into_iter().map(|(pattern, methods)| {
            let methods = methods.into_iter().map(|(method, (inner, rules))| {
                let (tokens, trail, sessions) = (Arc::clone(tokens), settings.trail.clone(), settings.sessions.clone());
                let checked = CheckedOperation { inner, rules, tokens, trail, sessions };
                (method, checked.boxed())
            });
            (pattern, methods.collect())
        });
        let operations = OpenApiService::new(Gathered(checked.collect()), TITLE, env!("CARGO_PKG_VERSION"));
        let mut table = self.table;
        let mut route = Route::new();
        for plain in self.plain.into_iter().chain(document_routes(&document)) {
            table.add(plain.path(), &plain.methods());
            let pattern = router_pattern(plain.path());
            route = route.at(pattern, named(plain));
        }
        let table = Arc::new(table);
        let app = route
            .nest_no_strip("/", operations)
            .with(settings.limits)
            .with(RefusalsTraced(settings.trail))
            .with(ProblemAnswers::new(Arc::clone(&table)))
            .with(settings.rates)
            .with(CompressLarge);
        // A refusal of CORS is a problem as well; those from within get its headers, so that scripts can read them.
        let app = app.with(settings.origins).with(ProblemAnswers::new(table));
        let app = app.with(settings.proxies).with(settings.headers).with(Observe).with(UnreadBodies);
        Ok(app.map_to_response().boxed())
    }
}

/// The methods of a plain route, whose answers name the path as declared.
fn named(plain: PlainRoute) -> RouteMethod {
    let template = RouteTemplate(plain.path().into());
    plain.into_endpoints().into_iter().fold(RouteMethod::new(), |by_method, (method, endpoint)| {
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
    })
}

/// The library's document of these operations.
fn described<A: OpenApi>() -> serde_json::Result<Value> {
    serde_json::from_str(&OpenApiService::new(Declared::<A>(std::marker::PhantomData), TITLE, "0").spec())
}

/// The declarations of an API without the API.
struct Declared<A>(std::marker::PhantomData<fn() -> A>);

impl<A: OpenApi> OpenApi for Declared<A> {
    fn meta() -> Vec<MetaApi> {
        expanded(A::meta())
    }

    fn register(registry: &mut Registry) {
        A::register(registry);
    }

    fn add_routes(self, _table: &mut Operations) {}
}

/// Operations without declarations: those stand in the joined document.
struct Gathered(Operations);

impl OpenApi for Gathered {
    fn meta() -> Vec<MetaApi> {
        Vec::new()
    }

    fn register(_registry: &mut Registry) {}

    fn add_routes(self, table: &mut Operations) {
        table.extend(self.0);
    }
}
