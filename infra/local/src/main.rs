//! `make run`: starts everything and says where it is.

use local::{Options, Stack, demo::Demo};
use std::{path::PathBuf, time::Instant};

const HELP: &str = "Office Copilot in one process

  --memory       keep nothing between starts
  --data FOLDER  keep data there (.local)
  --port PORT    listen there (8080)";

struct Arguments {
    data: Option<PathBuf>,
    port: u16,
}

fn arguments() -> Result<Arguments, String> {
    let mut read = Arguments { data: Some(PathBuf::from(".local")), port: 8080 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--memory" => read.data = None,
            "--data" => read.data = Some(value()?.into()),
            "--port" => read.port = value()?.parse().map_err(|_| "--port needs a number".to_owned())?,
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(read)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let begun = Instant::now();
    let Arguments { data, port } = match arguments() {
        Ok(arguments) => arguments,
        Err(text) => {
            eprintln!("{text}");
            std::process::exit(2);
        }
    };
    backend::start::logs();
    let stack = Stack::start(Options::product(data.clone(), port), local::functions::all).await?;
    let started = begun.elapsed();
    let demo = Demo::open(&stack, data.as_deref()).await?;
    println!(
        "\nOffice Copilot is running (ready in {started:.0?})\n\n  API and its page   {url}/\n  WebSocket          {socket}\n  Mailbox            {url}/_local/mail\n  Data               {data}\n\n  Demo login         {email}\n                     {password}\n\n  Platform           {setup}\n\nStop with Ctrl-C. `make demo` shows you around.\n",
        url = stack.url(),
        socket = stack.socket_url(),
        data = data.as_deref().map_or("in memory".into(), |folder| folder.display().to_string()),
        email = demo.email,
        password = demo.password,
        setup = stack.setup_token().map_or("no setup token in its secrets".into(), |token| format!(
            "setup token {token}, good for the first operator (POST /api/v1/platform/setup)"
        )),
    );
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    println!("Stopping …");
    stack.stop().await;
    Ok(())
}
