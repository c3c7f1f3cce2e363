//! The functions of the product, as the template names them, and the document of their API.

use crate::{Environment, Function, Functions};
use backend::{
    Backend,
    clock::{Clock, Entropy},
    door::App,
    problem::ProblemDocument,
};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, Info, License, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Server,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_axum::router::OpenApiRouter;

type Routes = fn() -> OpenApiRouter<App>;

/// Functions behind the HTTP API, by the name of their binary.
const HTTP: &[(&str, Routes)] = &[
    ("identity", identity::routes),
    ("organizations", organizations::routes),
    ("projects", projects::routes),
    ("tasks", ::tasks::routes),
    ("library", library::routes),
    ("chat", chat::routes),
    ("billing", billing::routes),
    ("notifications", notifications::routes),
    ("audit", audit::routes),
    ("reference", reference::routes),
];

/// Everything the template runs, in one process and on the clock of the stack.
pub fn all(environment: &Environment) -> Functions {
    let clock = environment.clock.clone();
    let now = Clock::new(move || clock.now());
    let backend = Backend::new(environment.variables.clone().into(), now, Entropy::system());
    let mut functions: Functions = HTTP.iter().map(|(name, routes)| ((*name).to_owned(), Function::Http(backend.serve(routes())))).collect();
    let mut event = |name: &str, function| functions.insert(name.to_owned(), function);
    event("socket", on_event(&backend, socket::handle));
    event("feed", on_event(&backend, feed::handle));
    event("sweep", on_event(&backend, sweep::handle));
    event("reminders", on_event(&backend, reminders::handle));
    event("mail", on_event(&backend, mail::handle));
    event("documents", on_event(&backend, documents::handle));
    functions
}

fn on_event<F>(backend: &Backend, handle: fn(Backend, Value) -> F) -> Function
where
    F: Future<Output = domain::Result<Value>> + Send + 'static,
{
    let backend = backend.clone();
    Function::event(move |event| {
        let work = handle(backend.clone(), event);
        async move { work.await.map_err(Into::into) }
    })
}

/// The operations of each function: method, path and the function that declares it.
pub fn operations() -> Vec<(String, String, &'static str)> {
    let mut operations = Vec::new();
    for (name, routes) in HTTP {
        for (path, item) in &routes().get_openapi().paths.paths {
            let methods = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            operations.extend(methods.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| (method.to_owned(), path.clone(), *name)));
        }
    }
    operations
}

const ABOUT: &str = "One multi-tenant system for people, projects, tasks, files, chat, invoices and their audit trail.

**Begin:** `POST /api/v1/auth/register`, then `POST /api/v1/auth/login`, then *Authorize* with the access token.

**Lists** are paged: give `next` as `cursor` until there is none. **Creating** twice: send an `Idempotency-Key`, and the same request made again gets the first answer for a day. \
**Changing:** send the `ETag` you read as `If-Match`; if somebody was quicker the answer is 412 with the present version. \
**Refusals** are problem documents (RFC 9457) with a stable `type`. What belongs to another organisation does not exist.";

const TAGS: &[(&str, &str)] = &[
    ("identity", "Sign up, join, log in; profile, password and sessions"),
    ("organization", "The organisation, its people, departments and invitations"),
    ("projects", "Projects, their status and figures"),
    ("tasks", "Tasks, their workflow and comments"),
    ("files", "Files go straight between you and the store"),
    ("chat", "Conversations; live over the WebSocket"),
    ("billing", "Clients and invoices"),
    ("notifications", "Your inbox"),
    ("audit", "The trail of every change"),
];

/// The OpenAPI document of all functions, with what is true of every operation.
pub fn openapi() -> OpenApi {
    let mut info = Info::new("Office Copilot", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    let mut document = OpenApi::new(info, utoipa::openapi::Paths::new());
    for (_, routes) in HTTP {
        document.merge(routes().to_openapi());
    }
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(TAGS.iter().map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build()).collect());
    document.security = Some(vec![SecurityRequirement::new("token", [] as [&str; 0])]);
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some("The access token of a login, good for 15 minutes")).build();
    let mut components = document.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    schemas.push((ProblemDocument::name().into_owned(), ProblemDocument::schema()));
    components.schemas.extend(schemas);
    document.components = Some(components);
    for item in document.paths.paths.values_mut() {
        let methods = [("get", &mut item.get), ("post", &mut item.post), ("put", &mut item.put), ("patch", &mut item.patch), ("delete", &mut item.delete)];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                complete(method, operation);
            }
        }
    }
    document
}

/// Adds the headers and the refusals that every operation of its kind has.
fn complete(method: &str, operation: &mut Operation) {
    let public = operation.security.is_some();
    let takes_body = operation.request_body.is_some();
    let has = |wanted: fn(&Parameter) -> bool| operation.parameters.iter().flatten().any(|parameter| matches!(parameter, RefOr::T(parameter) if wanted(parameter)));
    let takes_id = has(|parameter| parameter.parameter_in == ParameterIn::Path);
    let lists = has(|parameter| parameter.name == "cursor");
    let creates = operation.responses.responses.contains_key("201") && method == "post";
    let mut refusals = BTreeMap::from([("429", "Too many requests; `Retry-After` says when to try again"), ("500", "Something went wrong here; give the request's id to whoever helps you"), ("503", "Busy; try again")]);
    if !public {
        refusals.insert("401", "There is no valid access token");
        refusals.insert("403", "Your role does not allow this");
    }
    if takes_id {
        refusals.insert("404", "There is no such object, or not for you");
    }
    if takes_body || lists || method == "post" {
        refusals.insert("400", "The request cannot be read");
        refusals.insert("422", "A field is wrong; each is named");
    }
    if takes_body {
        refusals.insert("413", "The body has more than 64 KiB");
        refusals.insert("415", "The body is not `application/json`");
    }
    if method != "get" {
        refusals.insert("409", "It conflicts with what is there");
    }
    let changes = matches!(method, "put" | "patch" | "delete");
    if changes || !public && method == "post" {
        refusals.insert("412", "Changed in between; the answer has the present version");
    }
    if public && operation.tags.iter().flatten().any(|tag| tag == "identity") && method == "post" {
        refusals.insert("401", "Not proved who you are");
    }
    for (status, about) in refusals {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(about)));
    }
    let mut header = |name: &str, about: &str, example: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]).build();
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False).description(Some(about)).schema(Some(schema));
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
    };
    if changes {
        header("If-Match", "The `ETag` of the version this is meant for", "\"3\"");
    }
    if creates {
        header("Idempotency-Key", "Made by you, once for each thing you mean to create; up to 128 characters", "6f1f3a9e-0d7c-4d1e-9a51-2a3f0e7a1c55");
    }
}

fn problem(about: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    ResponseBuilder::new().description(about).content("application/problem+json", content).build()
}
