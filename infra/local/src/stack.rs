//! Puts the parts together, starts them and stops them.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::any};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::DropGuard;

use crate::{
    Clock, Environment, Error, Faults, Functions, StillBusy,
    aws::{self, Services},
    background::{Tasks, bind},
    bucket,
    environment::Ports,
    function::Runtime,
    gateway::{self, Gateway, Routes},
    mailbox::Mailbox,
    proxy::Proxy,
    queues::Queues,
    recorder::Recorder,
    secrets::Secrets,
    socket,
    sockets::Sockets,
    stream::Stream,
    system::System,
    table,
    template::Template,
    tools,
};

pub struct Options {
    /// The text of `template.yaml`.
    pub template: String,
    /// Where data is kept between starts. `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// `0` takes any that is free.
    pub port: u16,
    pub faults: Faults,
    /// Makes the value of the secrets parameter, at the first start.
    pub secrets: Box<dyn FnOnce() -> String + Send>,
}

/// A running system. It stops when it is dropped, or in good order with `stop`.
pub struct Stack {
    system: Arc<System>,
    tasks: Tasks,
    port: u16,
    environment: Environment,
    _stop: DropGuard,
    /// Files of a system in memory; they go with it.
    _scratch: Option<TempDir>,
    /// Held, so that no second system uses the folder.
    _lock: Option<File>,
}

impl Stack {
    /// Starts what the template says with the functions that are built for its environment.
    pub async fn start(options: Options, build: impl FnOnce(&Environment) -> Functions) -> Result<Self, Error> {
        let mut template = Template::parse(&options.template)?;
        let data = options.data.as_deref();
        let lock = data.map(take_folder).transpose()?;
        let scratch = if data.is_none() { Some(tempfile::tempdir()?) } else { None };
        let files = data.or(scratch.as_ref().map(TempDir::path)).ok_or("there is no folder for files")?.join("s3");

        let (public, aws, s3) = (bind(options.port).await?, bind(0).await?, bind(0).await?);
        let ports = Ports { public: port(&public)?, aws: port(&aws)?, s3: port(&s3)? };
        let environment = Environment::new(&template, &ports, Clock::default());
        let tasks = Tasks::default();
        let stop = tasks.stop.clone().drop_guard();
        let functions = build(&environment);
        let runtime = Arc::new(Runtime::new(&template, functions, tasks.tracker.clone())?);
        let secrets = environment.variables.get("SECRETS_PARAMETER").cloned().unwrap_or_default();
        let secrets = Arc::new(Secrets::open(data, secrets, options.secrets)?);
        let system = Arc::new(assemble(
            &mut template,
            Folders { data, files: &files },
            options.faults,
            runtime,
            environment.clone(),
            secrets.clone(),
            &tasks,
        )?);

        let services = Services {
            dynamodb: database(&system, &tasks).await?,
            queues: system.queues.clone(),
            secrets,
            mailbox: system.mailbox.clone(),
            sockets: system.sockets.clone(),
        };
        tasks.serve(aws, aws::router(services));
        tasks.serve(s3, bucket::router(&files, &template.buckets)?);
        tasks.serve(public, router(&template, &system));
        system.start(template.consumers, &tasks);
        Ok(Self { system, tasks, port: ports.public, environment, _stop: stop, _scratch: scratch, _lock: lock })
    }

    /// Address of the HTTP API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://localhost:{}/{}", self.port, self.system.sockets.api.stage_name)
    }

    /// With which the first operator of the platform is made, once.
    #[must_use]
    pub fn setup_token(&self) -> Option<String> {
        self.system.secrets.setup_token()
    }

    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.system.clock
    }

    /// Moves time: what was sent for later comes nearer, items in memory expire, and the schedules run.
    pub async fn advance(&self, by: Duration) {
        self.system.advance(by).await;
    }

    /// Returns when no function runs, the stream is drained and the queues are empty; delayed messages may remain.
    pub async fn idle(&self) -> Result<(), StillBusy> {
        self.system.idle().await
    }

    /// Says goodbye to the sockets, answers what is under way and ends everything.
    pub async fn stop(self) {
        self.system.sockets.close_all().await;
        self.tasks.stop().await;
    }
}

/// Where data is kept between starts, if it is, and the files of buckets.
struct Folders<'a> {
    data: Option<&'a Path>,
    files: &'a Path,
}

fn assemble(
    template: &mut Template,
    Folders { data, files }: Folders<'_>,
    faults: Faults,
    runtime: Arc<Runtime>,
    environment: Environment,
    secrets: Arc<Secrets>,
    tasks: &Tasks,
) -> Result<System, Error> {
    let clock = environment.clock.clone();
    let checkpoint = data.map(|data| data.join("stream"));
    let handled = checkpoint.as_deref().map(read_if_there).transpose()?.flatten();
    let database = table::open(data, &template.table, &clock, handled.as_deref())?;
    let queues = Arc::new(Queues::new(template)?);
    let stream = template.follower.take().map(|source| Stream {
        source,
        table: template.table.name.clone(),
        database: database.clone(),
        queues: queues.clone(),
        runtime: runtime.clone(),
        clock: clock.clone(),
        checkpoint,
        handled: Mutex::new(handled),
    });
    let sockets = Sockets::new(std::mem::take(&mut template.socket), runtime.clone(), clock.clone(), tasks);
    Ok(System {
        database,
        environment,
        files: files.to_owned(),
        table: template.table.name.clone(),
        faults,
        mailbox: Arc::new(Mailbox::open(data, clock.clone())?),
        queues,
        recorder: Arc::new(Recorder::default()),
        runtime,
        secrets,
        schedules: std::mem::take(&mut template.schedules).into_iter().map(Arc::new).collect(),
        sockets: Arc::new(sockets),
        stream: stream.map(Arc::new),
        written: watch::Sender::new(()),
        clock,
    })
}

/// The embedded DynamoDB and the door in front of it.
async fn database(system: &System, tasks: &Tasks) -> Result<Proxy, Error> {
    let listener = bind(0).await?;
    let port = port(&listener)?;
    let stop = tasks.stop.clone().cancelled_owned();
    tasks.tracker.spawn(dynoxide::server::serve_with_shutdown(listener, system.database.clone(), stop));
    Proxy::new(port, system.faults.clone(), system.recorder.clone(), system.written.clone())
}

/// Everything at the public port.
fn router(template: &Template, system: &Arc<System>) -> Router {
    let gateway = Gateway { routes: Routes::new(&template.routes), runtime: system.runtime.clone() };
    Router::new()
        .route(&format!("/{}", system.sockets.api.stage_name), any(socket::upgrade))
        .with_state(system.sockets.clone())
        .nest("/_local", tools::router(system.clone()))
        .fallback_service(any(gateway::handle).with_state(Arc::new(gateway)))
        .layer(gateway::cors(&template.cors))
}

fn port(listener: &TcpListener) -> Result<u16, Error> {
    Ok(listener.local_addr()?.port())
}

fn take_folder(folder: &Path) -> Result<File, Error> {
    std::fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.try_lock().map_err(|_| format!("{} is used by another local stack", folder.display()))?;
    Ok(lock)
}

fn read_if_there(file: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", file.display()).into()),
    }
}
