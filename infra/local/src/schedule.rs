//! Calls functions every so many minutes.

use serde_json::json;

use crate::{
    Clock,
    aws::{ACCOUNT, REGION},
    function::Runtime,
    template::{ScheduleEvent, Source},
};

/// Calls for ever. A failure is in the log; the next turn comes soon enough.
pub(crate) async fn keep(schedule: &Source<ScheduleEvent>, clock: &Clock, runtime: &Runtime) {
    loop {
        tokio::time::sleep(schedule.event.every).await;
        runtime.released().await;
        run(schedule, clock, runtime).await;
    }
}

pub(crate) async fn run(schedule: &Source<ScheduleEvent>, clock: &Clock, runtime: &Runtime) {
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": clock.now(),
        "region": REGION,
        "resources": [],
        "detail": {},
    });
    // The runtime has written the failure to the log
    let _ = runtime.event(&schedule.function, event).await;
}
