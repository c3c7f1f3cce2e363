//! The functions of the product, as the template names them.

use crate::{Environment, Function, Functions};
use axum::Router;
use backend::{
    Backend,
    clock::{Clock, Entropy},
    door::App,
};
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// What a function answers, and how that is described.
pub(crate) type Routes = (fn() -> Router<App>, fn() -> OpenApi);

/// Functions behind the HTTP API, by the name of their binary.
pub(crate) const HTTP: &[(&str, Routes)] = &[
    ("identity", (identity::routes, identity::document)),
    ("organizations", (organizations::routes, organizations::document)),
    ("projects", (projects::routes, projects::document)),
    ("tasks", (::tasks::routes, ::tasks::document)),
    ("library", (library::routes, library::document)),
    ("chat", (chat::routes, chat::document)),
    ("billing", (billing::routes, billing::document)),
    ("notifications", (notifications::routes, notifications::document)),
    ("integrations", (integrations::routes, integrations::document)),
    ("scim", (scim::routes, scim::document)),
    ("audit", (audit::routes, audit::document)),
    ("platform", (platform::routes, platform::document)),
    ("reference", (reference::routes, OpenApi::default)),
];

/// Everything the template runs, in one process and on the clock of the stack.
pub fn all(environment: &Environment) -> Functions {
    let clock = environment.clock.clone();
    let now = Clock::new(move || clock.now());
    let backend = Backend::new(environment.variables.clone().into(), now, Entropy::system());
    let mut functions: Functions =
        HTTP.iter().map(|(name, (routes, _))| ((*name).to_owned(), Function::Http(backend.serve(routes())))).collect();
    let mut event = |name: &str, function| functions.insert(name.to_owned(), function);
    event("socket", on_event(&backend, socket::handle));
    event("feed", on_event(&backend, feed::handle));
    event("sweep", on_event(&backend, sweep::handle));
    event("reminders", on_event(&backend, reminders::handle));
    event("mail", on_event(&backend, mail::handle));
    event("webhooks", on_event(&backend, webhooks::handle));
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
    for (name, (_, document)) in HTTP {
        for (path, item) in &document().paths.paths {
            let methods = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            operations.extend(
                methods
                    .into_iter()
                    .filter(|(_, operation)| operation.is_some())
                    .map(|(method, _)| (method.to_owned(), path.clone(), *name)),
            );
        }
    }
    operations
}
