//! The operations of a function over HTTP, named once: `routes()` answers them, `document()` describes them.
//!
//! A bootstrap never calls `document()`, so none of it is linked or made at a cold start.

use crate::door::App;
use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use utoipa::openapi::HttpMethod;

#[doc(hidden)]
pub use {axum, pastey::paste, utoipa};

/// Makes `routes()` and `document()` of handlers that `utoipa::path` describes.
#[macro_export]
macro_rules! operations {
    ($($module:ident::$handler:ident),+ $(,)?) => {
        pub fn routes() -> $crate::operations::axum::Router<$crate::door::App> {
            $crate::operations::paste! {
                $crate::operations::axum::Router::new()
                    $(.merge($crate::operations::route::<$module::[<__path_ $handler>], _, _>($module::$handler)))+
            }
        }

        pub fn document() -> $crate::operations::utoipa::openapi::OpenApi {
            #[derive($crate::operations::utoipa::OpenApi)]
            #[openapi(paths($($module::$handler),+))]
            struct Document;
            <Document as $crate::operations::utoipa::OpenApi>::openapi()
        }
    };
}

/// One handler at the path and method it is described with.
pub fn route<P: utoipa::Path, H: Handler<T, App>, T: 'static>(handler: H) -> Router<App> {
    let methods = P::methods().iter().map(filter).reduce(MethodFilter::or);
    methods.map_or_else(Router::new, |methods| Router::new().route(&P::path(), on(methods, handler)))
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
    }
}
