//! The OpenAPI document: what the handlers declare, and what is true of every operation.

use backend::problem::ProblemDocument;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, Info, License, OpenApi, Paths, Ref, RefOr, Required, Response, ResponseBuilder, Server,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::functions::HTTP;

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
    ("integrations", "Keys of programs, and webhooks"),
    ("scim", "Members and groups kept in step with a directory elsewhere, by SCIM 2.0"),
    ("audit", "The trail of every change"),
    ("platform", "For those who run the platform, with a token of their own: operators, and the organisations as they see them"),
];

/// What an operation is, as far as its refusals follow from it.
struct Nature {
    public: bool,
    body: bool,
    id: bool,
    list: bool,
    post: bool,
    changes: bool,
    creates: bool,
}

/// A refusal: its name, its status, what it says, and which operations have it.
type Refusal = (&'static str, &'static str, &'static str, fn(&Nature) -> bool);

const REFUSALS: &[Refusal] = &[
    ("Malformed", "400", "The request cannot be read", |it| it.body || it.list || it.changes || it.post),
    ("Unauthenticated", "401", "There is no valid access token, or a password or link is wrong", |it| !it.public || it.post),
    ("Forbidden", "403", "You may not do this; `detail` says why", |it| !it.public || it.post),
    ("NotFound", "404", "There is no such object, or not for you", |it| it.id || it.body && it.post),
    ("Conflict", "409", "It conflicts with what is there", |it| it.post || it.changes),
    ("Stale", "412", "Changed in between; the answer has the present version", |it| it.changes || it.post && !it.public),
    ("TooLarge", "413", "The body has more than 64 KiB", |it| it.body),
    ("UnsupportedMediaType", "415", "The body is not of the media type that is asked for", |it| it.body),
    ("Invalid", "422", "A field is wrong; each is named", |it| it.body || it.list || it.creates),
    ("TooManyRequests", "429", "Too many requests; `Retry-After` says when to try again", |_| true),
    ("Internal", "500", "Something went wrong here; give the request's id to whoever helps you", |_| true),
    ("Busy", "503", "Busy; try again", |_| true),
];

/// The document of all functions.
pub fn document() -> OpenApi {
    let mut info = Info::new("Office Copilot", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    let mut document = OpenApi::new(info, Paths::new());
    for (_, (_, part)) in HTTP {
        document.merge(part());
    }
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(TAGS.iter().map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build()).collect());
    document.security = Some(vec![SecurityRequirement::new("token", [] as [&str; 0])]);
    add_common(document.components.get_or_insert_default());
    for item in document.paths.paths.values_mut() {
        let methods = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                complete(method, operation);
            }
        }
    }
    document
}

fn add_common(components: &mut Components) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let scheme = scheme.description(Some("The access token of a login, good for 15 minutes")).build();
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let scheme = scheme.description(Some("The access token of an operator of the platform, good for an hour")).build();
    components.add_security_scheme("operator", SecurityScheme::Http(scheme));
    let mut schemas = vec![(ProblemDocument::name().into_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.responses.extend(REFUSALS.iter().map(|(name, _, about, _)| ((*name).to_owned(), RefOr::T(problem(about)))));
    components.responses.insert(SCIM_ERROR.to_owned(), RefOr::T(scim_error()));
}

/// Adds the headers and the refusals that an operation of its nature has.
fn complete(method: &str, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = said(status).to_owned();
        }
    }
    if operation.tags.iter().flatten().any(|tag| tag == "scim") {
        operation.responses.responses.insert("default".to_owned(), RefOr::Ref(Ref::from_response_name(SCIM_ERROR)));
        return;
    }
    let has = |wanted: fn(&Parameter) -> bool| operation.parameters.iter().flatten().any(|it| matches!(it, RefOr::T(it) if wanted(it)));
    let nature = Nature {
        public: operation.security.as_deref() == Some(&[SecurityRequirement::default()]),
        body: operation.request_body.is_some(),
        id: has(|parameter| parameter.parameter_in == ParameterIn::Path),
        list: has(|parameter| parameter.parameter_in == ParameterIn::Query),
        post: method == "post",
        changes: matches!(method, "put" | "patch" | "delete"),
        creates: method == "post" && operation.responses.responses.contains_key("201"),
    };
    for (name, status, _, _) in REFUSALS.iter().filter(|(.., applies)| applies(&nature)) {
        let reference = RefOr::Ref(Ref::from_response_name(*name));
        operation.responses.responses.entry((*status).to_owned()).or_insert(reference);
    }
    let mut header = |name: &str, about: &str, example: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]).build();
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
        let parameter = parameter.description(Some(about)).schema(Some(schema)).build();
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    };
    if nature.creates {
        header("Idempotency-Key", "Made by you, once for each thing you mean to create; up to 128 characters", "6f1f3a9e-0d7c-4d1e");
    }
}

/// What an answer is that says nothing else of itself: the standard asks for a sentence.
fn said(status: &str) -> &'static str {
    match status {
        "201" => "It was made",
        "202" => "It was taken, and is done later",
        "204" => "It was done, and there is nothing more to say",
        _ => "What was asked for",
    }
}

/// Its standard has refusals of its own.
const SCIM_ERROR: &str = "ScimError";

fn scim_error() -> Response {
    let schema = ObjectBuilder::new()
        .property("schemas", ObjectBuilder::new().schema_type(Type::Array))
        .property("status", ObjectBuilder::new().schema_type(Type::String).examples(["409"]))
        .property("scimType", ObjectBuilder::new().schema_type(Type::String).examples(["uniqueness"]))
        .property("detail", ObjectBuilder::new().schema_type(Type::String))
        .build();
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description("A refusal as SCIM writes it").content("application/scim+json", content).build()
}

fn problem(about: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    ResponseBuilder::new().description(about).content("application/problem+json", content).build()
}
