//! What runs in the background, and how it ends.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[derive(Clone, Default)]
pub(crate) struct Tasks {
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
}

impl Tasks {
    /// Runs until it returns or the stack stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Serves until the stack stops; requests under way are answered.
    pub fn serve(&self, listener: TcpListener, router: Router) {
        // Small answers must not wait for an acknowledgement
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY is not set");
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = self.stop.clone().cancelled_owned();
        self.tracker.spawn(async move {
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop).await {
                tracing::error!(%error, "a server ended");
            }
        });
    }

    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(Duration::from_secs(5), self.tracker.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
    }
}

/// A listener on loopback. Port 0 is any that is free.
pub(crate) async fn bind(port: u16) -> Result<TcpListener, crate::Error> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| format!("port {port}: {error}").into())
}
