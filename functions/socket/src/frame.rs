use backend::{Backend, json::from_json, keys, problem::Problem, sockets::Line};
use domain::{
    Error, Result,
    commit::Origin,
    conversation::{MessageDraft, Presence},
    id::{ConversationId, ProjectId},
    limits,
    policy::{Connect, Converse, ReadProjects},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    conversation: ConversationId,
    text: domain::text::Utterance,
    nonce: Option<domain::text::Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    conversation: ConversationId,
    #[serde(default)]
    delivered: u64,
    #[serde(default)]
    seen: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    conversation: ConversationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    conversation: ConversationId,
    before: Option<u64>,
    after: Option<u64>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetPresence {
    presence: Presence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Watch {
    project: ProjectId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ping {}

/// Answers one frame: `{"event":"answer", …}` or `{"event":"error","problem":…}`, with the frame's own `id`.
pub async fn answer(backend: &Backend, connection: &str, body: &str, origin: Origin) -> Value {
    let request = origin.request.clone();
    let frame = serde_json::from_str::<Map<String, Value>>(body);
    let id = frame
        .as_ref()
        .ok()
        .and_then(|frame| frame.get("id"))
        .filter(|id| id.as_str().is_some_and(|id| id.len() <= 64) || id.is_u64())
        .cloned();
    match act(backend, connection, frame, origin).await {
        Ok(Value::Object(mut answer)) => {
            answer.insert("event".to_owned(), json!("answer"));
            if let Some(id) = id {
                answer.insert("id".to_owned(), id);
            }
            Value::Object(answer)
        }
        Ok(other) => other,
        Err(error) => refuse(&request, id, error),
    }
}

/// An error frame; the connection stays open.
pub fn refuse(request: &str, id: Option<Value>, error: Error) -> Value {
    backend::problem::log(&error);
    let problem = serde_json::to_value(Problem(error).document(request)).unwrap_or_default();
    let mut frame = json!({ "event": "error", "problem": problem });
    if let Some(id) = id {
        frame["id"] = id;
    }
    frame
}

fn read<T: DeserializeOwned>(frame: Map<String, Value>) -> Result<T> {
    from_json(Value::Object(frame).to_string().as_bytes())
}

async fn act(backend: &Backend, connection: &str, frame: Result<Map<String, Value>, serde_json::Error>, origin: Origin) -> Result<Value> {
    backend.count_frame(connection)?;
    let mut frame = frame.map_err(|e| Error::Malformed(format!("a frame is a JSON object: {e}")))?;
    frame.remove("id");
    let action = match frame.remove("action") {
        Some(Value::String(action)) => action,
        _ => return Err(Error::invalid("/action", "is missing")),
    };
    let line = backend.line(connection, origin).await?;
    match action.as_str() {
        "send" => {
            let Send { conversation, text, nonce } = read(frame)?;
            let said = line.can::<Converse>().await?.speak(&conversation, MessageDraft { text, nonce }).await?;
            Ok(json!({ "message": said.message }))
        }
        "mark" => {
            let Mark { conversation, delivered, seen } = read(frame)?;
            let participation = line.can::<Converse>().await?.mark(&conversation, delivered, seen).await?;
            Ok(json!({ "participation": participation }))
        }
        "typing" => {
            let Typing { conversation } = read(frame)?;
            line.can::<Converse>().await?.typing(&conversation).await?;
            Ok(json!({}))
        }
        "history" => {
            let History { conversation, before, after, limit } = read(frame)?;
            let limit = limit.unwrap_or(limits::PAGE);
            if !(1..=limits::PAGE_MOST).contains(&limit) {
                return Err(Error::invalid("/limit", format!("is not a number from 1 to {}", limits::PAGE_MOST)));
            }
            let messages = line.can::<Converse>().await?.history(&conversation, before, after, limit).await?;
            Ok(json!({ "messages": messages }))
        }
        "presence" => {
            let SetPresence { presence } = read(frame)?;
            if presence == Presence::Offline {
                return Err(Error::invalid("/presence", "is online or away while a connection is open"));
            }
            line.can::<Connect>().await?.set_presence(&line, presence).await?;
            Ok(json!({}))
        }
        "watch" => watch(&line, read(frame)?, true).await,
        "unwatch" => watch(&line, read(frame)?, false).await,
        "ping" => {
            let Ping {} = read(frame)?;
            line.can::<Connect>().await?;
            Ok(json!({}))
        }
        _ => Err(Error::invalid("/action", "is none of send, mark, typing, history, presence, watch, unwatch, ping")),
    }
}

/// A screen sees a project live only for somebody who may read it.
async fn watch(line: &Line, Watch { project }: Watch, on: bool) -> Result<Value> {
    let may_read = line.can::<ReadProjects>().await?;
    may_read.find(keys::project(may_read.tenant(), &project), "project").await?;
    let can = line.can::<Connect>().await?;
    if on {
        can.watch(line, project.as_str()).await?
    } else {
        can.unwatch(line, project.as_str()).await?
    }
    Ok(json!({}))
}
