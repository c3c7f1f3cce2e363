//! Every minute: puts what falls due within two on the reminders queue, with a delay of the exact seconds.

use backend::Backend;
use domain::{Result, limits};
use serde_json::{Value, json};

/// A timer swept twice is queued twice and fires once: the worker takes it away as it fires.
pub async fn handle(backend: Backend, _: Value) -> Result<Value> {
    let timers = backend.due_timers(backend.now() + limits::SWEEP_AHEAD, limits::SWEEP).await?;
    for job in &timers {
        backend.set_off(job).await?;
    }
    Ok(json!({ "queued": timers.len() }))
}
