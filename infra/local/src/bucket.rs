//! The embedded S3: buckets are folders, and every caller signs as `test` with the secret `test`.

use std::{convert::Infallible, path::Path, sync::Arc};

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::IntoResponse};
use s3s::{
    auth::SimpleAuth,
    config::{S3Config, StaticConfigProvider},
    service::S3ServiceBuilder,
};
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use crate::Error;

/// Name and secret of the one who may do everything.
pub(crate) const KEY: &str = "test";

pub(crate) fn router(folder: &Path, buckets: &[String]) -> Result<Router, Error> {
    for bucket in buckets {
        std::fs::create_dir_all(folder.join(name(bucket)))?;
    }
    let files = s3s_fs::FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY, KEY));
    let mut config = S3Config::default();
    // The functions may sign with a clock that a test has moved; S3 does not know of it
    config.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    let s3 = builder.build();
    let service = tower::service_fn(move |request: Request| {
        let s3 = s3.clone();
        async move {
            Ok::<_, Infallible>(match s3.oneshot(request).await {
                Ok(answer) => answer.map(Body::new),
                Err(error) => {
                    tracing::error!(?error, "S3 failed");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            })
        }
    });
    // Without this layer s3s answers OPTIONS with 501, and no browser uploads anything
    Ok(Router::new().fallback_service(service).layer(CorsLayer::permissive()))
}

/// S3 allows no capitals.
pub(crate) fn name(bucket: &str) -> String {
    bucket.to_lowercase()
}
