//! The functions and how they are called: with a time limit, alone in their panics, and counted while they run.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::Request, response::Response};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::{Error, lock, template::Template};

pub type EventHandler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, Error>> + Send + Sync>;

/// By the name of the binary, as the template says it.
pub type Functions = BTreeMap<String, Function>;

#[derive(Clone)]
pub enum Function {
    Http(Router),
    Event(EventHandler),
}

impl Function {
    /// Wraps a handler of Lambda events.
    pub fn event<F, R>(handler: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        Self::Event(Arc::new(move |event| Box::pin(handler(event))))
    }
}

/// Calls functions.
pub(crate) struct Runtime {
    functions: Functions,
    timeouts: BTreeMap<String, Duration>,
    tasks: TaskTracker,
    activity: Arc<Mutex<Activity>>,
    held: watch::Sender<bool>,
}

/// What runs now, and how many calls have begun since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    pub running: BTreeMap<String, usize>,
    pub begun: u64,
}

/// Counts as activity until it is dropped.
pub(crate) struct Running {
    name: String,
    activity: Arc<Mutex<Activity>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let running = &mut lock(&self.activity).running;
        match running.get_mut(&self.name) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(running.remove(&self.name)),
        }
    }
}

impl Runtime {
    pub fn new(template: &Template, functions: Functions, tasks: TaskTracker) -> Result<Self, Error> {
        let consumers = template.consumers.iter().map(|source| &source.function);
        let schedules = template.schedules.iter().map(|source| &source.function);
        let sockets = template.socket.routes.values().map(|route| &route.function);
        let follower = template.follower.iter().map(|source| &source.function);
        for name in consumers.chain(schedules).chain(sockets).chain(follower) {
            if let Some(Function::Http(_)) = functions.get(name) {
                return Err(format!("function {name} has events but no handler").into());
            }
        }
        for name in template.routes.iter().map(|source| &source.function) {
            if let Some(Function::Event(_)) = functions.get(name) {
                return Err(format!("function {name} has HTTP routes but no router").into());
            }
        }
        if let Some(name) = functions.keys().find(|name| !template.timeouts.contains_key(*name)) {
            return Err(format!("function {name} is not in the template").into());
        }
        if let Some(name) = template.timeouts.keys().find(|name| !functions.contains_key(*name)) {
            return Err(format!("function {name} is in the template only").into());
        }
        Ok(Self { functions, timeouts: template.timeouts.clone(), tasks, activity: Arc::default(), held: watch::Sender::new(false) })
    }

    /// Calls a function with an event. A panic or a timeout is an error, as it is for Lambda.
    pub async fn event(&self, name: &str, event: Value) -> Result<Value, Error> {
        let Some(Function::Event(handler)) = self.functions.get(name) else {
            return Err(format!("function {name} takes no events").into());
        };
        let handler = handler.clone();
        let answer = self.run(name, async move { handler(event).await }).await.flatten();
        if let Err(error) = &answer {
            tracing::error!(function = name, %error, "the function failed");
        }
        answer
    }

    pub async fn http(&self, name: &str, request: Request) -> Result<Response, Error> {
        let Some(Function::Http(router)) = self.functions.get(name) else {
            return Err(format!("function {name} takes no requests").into());
        };
        let router = router.clone();
        let answer = self.run(name, async move { router.oneshot(request).await }).await;
        if let Err(error) = &answer {
            tracing::error!(function = name, %error, "the function failed");
        }
        Ok(answer?.unwrap_or_else(|never| match never {}))
    }

    /// In a task of its own: it ends by itself when the caller goes away, and its panics end only itself.
    async fn run<T: Send + 'static>(&self, name: &str, call: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
        let limit = self.timeouts.get(name).copied().unwrap_or(Duration::MAX);
        let running = self.enter(name);
        let task = self.tasks.spawn(async move {
            let _running = running;
            tokio::time::timeout(limit, call).await
        });
        let answer = task.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => format!("it panicked: {}", panic_message(&*panic)),
            Err(error) => error.to_string(),
        })?;
        answer.map_err(|_| format!("it timed out after {limit:?}").into())
    }

    pub fn enter(&self, name: &str) -> Running {
        let mut activity = lock(&self.activity);
        activity.begun += 1;
        *activity.running.entry(name.to_owned()).or_default() += 1;
        Running { name: name.to_owned(), activity: self.activity.clone() }
    }

    pub fn activity(&self) -> Activity {
        lock(&self.activity).clone()
    }

    /// Keeps stream, queues and schedules waiting, so that what one request costs can be seen alone.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub async fn released(&self) {
        // The sender lives as long as this, so waiting cannot fail
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
