"""What people and tests see: the API, the WebSocket, and under `/_local` the tools that the local stack has too."""

import asyncio
import base64
import email.policy
import email.utils
import json
import time
from collections.abc import Awaitable, Callable
from datetime import timezone
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from ministack import app as ministack
from ministack.core.concurrency import esm_wake
from ministack.core.responses import request_scope
from ministack.services import dynamodb, eventbridge, lambda_svc, sqs
from ministack.services.cloudformation import _stacks

import fixes
from clock import Clock
from lowering import API_IDS, REGION

ACCOUNT = "000000000000"
STACK = "office-copilot"
# How long `idle` waits
PATIENCE = 60
# Nothing may begin for this long before all counts as done: a socket that closes is noticed a moment later
QUIET = 0.03

Answer = tuple[int, Any]


def front(public: int, clock: Clock) -> Callable[..., Awaitable[None]]:
    """The emulator on its own port; on the public one, the paths as they are in the cloud."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await ministack.app(scope, receive, send)
        if scope["server"][1] != public:
            # Without TLS on loopback; the bucket's policy asks for it
            return await ministack.app({**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}, receive, send)
        path = scope["path"]
        if scope["type"] == "http" and path.startswith("/_local/"):
            return await tool(clock, scope, receive, send)
        if scope["type"] == "websocket":
            receive, send = socket_frames(receive), socket_refusals(send)
        else:
            send = without_media_type(send)
        api = f"{API_IDS['HttpApi']}/$default" if scope["type"] == "http" else API_IDS["SocketApi"]
        prefix = f"/_aws/execute-api/{api}"
        raw = prefix.encode() + (scope.get("raw_path") or path.encode())
        address = scope["client"][0]
        headers = [header for header in scope["headers"] if header[0] != b"x-forwarded-for"]
        headers.append((b"x-forwarded-for", address.encode()))
        await ministack.app({**scope, "path": prefix + path, "raw_path": raw, "headers": headers}, receive, send)

    return serve


def without_media_type(send: Any) -> Any:
    """The emulator gives a media type to every answer, also to those without content."""

    async def send_without(message: dict[str, Any]) -> None:
        if message.get("status") == 204:
            message = message | {"headers": [header for header in message["headers"] if header[0].lower() != b"content-type"]}
        await send(message)

    return send_without


def socket_frames(receive: Any) -> Any:
    """Frames of bytes as text, which is all that the emulator hands on."""

    async def receive_text() -> dict[str, Any]:
        message = await receive()
        if message.get("bytes") is not None:
            text = fixes.BINARY + base64.b64encode(message["bytes"]).decode()
            return {"type": message["type"], "text": text}
        return message

    return receive_text


def socket_refusals(send: Any) -> Any:
    """A socket that is refused, with the status that its function answered."""
    answered: dict[str, int] = {}
    fixes.connect_status.set(answered)

    async def send_status(message: dict[str, Any]) -> None:
        status = answered.get("status", 200)
        if message["type"] == "websocket.close" and status >= 300:
            await send({"type": "websocket.http.response.start", "status": status, "headers": []})
            message = {"type": "websocket.http.response.body", "body": b""}
        await send(message)

    return send_status


async def tool(clock: Clock, scope: dict[str, Any], receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    status, answer = await answer_tool(clock, scope["method"], scope["path"].removeprefix("/_local/"), body)
    content = b"" if answer is None else json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def answer_tool(clock: Clock, method: str, path: str, body: bytes) -> Answer:
    match (method, path.split("/")):
        case ("GET", ["mail.json"]):
            return 200, [letter(*mail) for mail in reversed(fixes.mails)]
        case ("GET", ["clock"]):
            return 200, {"now": clock.now()}
        case ("POST", ["clock"]):
            await advance(clock, json.loads(body)["advance_seconds"])
            return 200, {"now": clock.now()}
        case ("POST", ["idle"]):
            busy = await idle()
            return (503, {"busy": busy}) if busy else (204, None)
        case ("GET", ["queues"]):
            return 200, depths()
        case ("POST", ["queues", name]) if name in queues():
            with request_scope(ACCOUNT, REGION):
                sqs._act_send_message({"MessageBody": body.decode()}, queues()[name])
            return 204, None
    return 404, None


async def advance(clock: Clock, seconds: int) -> None:
    """What is under way ends in its own time; then everything that time brings is set going, the schedules to their end."""
    await idle()
    clock.advance(seconds)
    with request_scope(ACCOUNT, REGION):
        expire()
        esm_wake.set()
        due = [lambda_svc._get_func_record_for_ref(target["Arn"])[0] for targets in eventbridge._targets._data.values() for target in targets]
        event = {"source": "aws.events", "detail-type": "Scheduled Event", "time": clock.now(), "resources": [], "detail": {}}
        await asyncio.gather(*(asyncio.to_thread(lambda_svc._execute_function, function, event) for function in due))


def expire() -> None:
    """Deletes what has expired. The emulator does it once a minute, and tells the stream nothing of it."""
    for name, setting in list(dynamodb._ttl_settings.items()):
        with dynamodb._lock:
            table = dynamodb._tables[name]
            items = [(pk, sk, item) for pk, below in table["items"].items() for sk, item in below.items()]
            for pk, sk, item in items:
                expires = item.get(setting["AttributeName"], {}).get("N")
                if expires is not None and float(expires) <= time.time():
                    dynamodb._remove_item(table, pk, sk)
                    dynamodb._emit_stream_event(name, "REMOVE", item, None)


async def idle() -> list[str]:
    """What is still going on when patience ends; nothing, if all was quiet before."""
    end = time.monotonic() + PATIENCE
    quiet_since, begun = None, -1
    while True:
        now, doing = time.monotonic(), busy()
        if doing or fixes.begun != begun:
            quiet_since, begun = now, fixes.begun
        if not doing and now - quiet_since >= QUIET:
            return []
        if now > end:
            return doing or ["functions begin again and again"]
        await asyncio.sleep(0.005)


def busy() -> list[str]:
    """Functions that run, and what waits for one now."""
    total, running = lambda_svc.executions_in_flight()
    doing = [f"{name} runs {count} times" for name, count in running.items()]
    doing += [f"a batch of {mapping} is handled" for mapping in list(lambda_svc._esm_inflight)]
    with request_scope(ACCOUNT, REGION):
        sources = []
        for _, _, esm in lambda_svc._iter_all_esms():
            arn = esm["EventSourceArn"]
            sources.append(arn)
            if "/stream/" in arn:
                table = arn.split("/stream/")[0].split("/")[-1]
                if fixes.stream_position(esm, table) < dynamodb.stream_end_position(table):
                    doing.append(f"the stream of {table} has records")
    consumed = {arn.rsplit(":", 1)[-1] for arn in sources}
    for name, depth in depths().items():
        if queues()[name].rsplit("/", 1)[-1] in consumed and depth["visible"] + depth["in_flight"] > 0:
            doing.append(f"{name} has {depth}")
    return doing


def queues() -> dict[str, str]:
    """The address of each queue, by its name in the template."""
    with request_scope(ACCOUNT, REGION):
        made = _stacks[STACK]["_resources"]
    return {name: resource["PhysicalResourceId"] for name, resource in made.items() if resource["ResourceType"] == "AWS::SQS::Queue"}


def depths() -> dict[str, dict[str, int]]:
    """How many messages each queue has: to be received, being handled, and sent for later."""
    now = time.time()
    found = {}
    with request_scope(ACCOUNT, REGION), sqs._queues_lock:
        for name, url in queues().items():
            messages = sqs._queues[url]["messages"]
            visible = sum(message["visible_at"] <= now for message in messages)
            in_flight = sum(message["visible_at"] > now and message["receive_count"] > 0 for message in messages)
            found[name] = {"visible": visible, "in_flight": in_flight, "delayed": len(messages) - visible - in_flight}
    return found


def letter(identity: str, arrived: float, raw: bytes) -> dict[str, Any]:
    """What a reader sees of a mail."""
    message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)
    date = message["date"].datetime.astimezone(timezone.utc).isoformat().replace("+00:00", "Z") if message["date"] else ""

    def addresses(header: str) -> list[str]:
        return [address for _, address in email.utils.getaddresses(message.get_all(header, []))]

    def text(kind: str) -> str | None:
        part = message.get_body((kind,))
        return None if part is None else part.get_content()

    return {
        "id": identity,
        "message_id": (message["message-id"] or "").strip("<>"),
        "from": ", ".join(addresses("from")),
        "to": addresses("to"),
        "subject": message["subject"] or "",
        "date": date,
        "text": text("plain"),
        "html": text("html"),
        "attachments": [part.get_filename("unnamed") for part in message.iter_attachments()],
    }
