#!/usr/bin/env python3
"""Replays infra/events to the real bootstraps beside a local stack, and checks each answer.

usage: replay.py FOLDER STACK     FOLDER holds NAME/bootstrap or NAME; STACK is the binary of the local stack
"""

import json
import pathlib
import sys
import time
from collections.abc import Callable

import runtime
import scene

Check = Callable[[dict], bool]


def status(expected: int) -> Check:
    return lambda answer: answer["statusCode"] == expected


def failed(*expected: str) -> Check:
    return lambda answer: [it["itemIdentifier"] for it in answer["batchItemFailures"]] == list(expected)


def says(text: str) -> Check:
    return lambda answer: answer["statusCode"] == 200 and text in answer["body"]


# In the order in which they are played; the part of a name before the hyphen is the function
EVENTS: dict[str, Check] = {
    "identity": says("mia@sample.example"),
    "identity-login": says("access_token"),
    "organizations": says("Sample Gardens"),
    "projects": says("Garden"),
    "tasks": says("Paint the fence"),
    "tasks-create": status(201),
    "tasks-list": says("Paint the fence"),
    "library": says("plan.pdf"),
    "chat": says("general"),
    "billing": says("Rose"),
    "notifications": says("items"),
    "integrations": says("items"),
    # What a program keeps in step is not for a person
    "scim": status(403),
    "audit": says("task.created"),
    "platform": says("Sample Gardens"),
    "reference": says("openapi"),
    "socket-connect": status(200),
    "socket-message": status(200),
    "socket-disconnect": status(200),
    "feed": failed(),
    "documents": failed(),
    "mail": failed(),
    "mail-poison": failed("sample-2"),
    "reminders": failed(),
    "webhooks": failed(),
    "sweep": lambda answer: answer == {"queued": 0},
}
FUNCTIONS = sorted({name.partition("-")[0] for name in EVENTS})


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(what)


def main() -> None:
    folder, stack = map(pathlib.Path, sys.argv[1:])
    begun = time.monotonic()
    files = {path.stem for path in scene.EVENTS.glob("*.json")}
    check(files == set(EVENTS), f"infra/events and this list differ: {files ^ set(EVENTS)}")
    with scene.play(stack) as played:
        for name, expected in EVENTS.items():
            path = runtime.find(folder, name.partition("-")[0])
            with runtime.Bootstrap(path, played.variables) as bootstrap:
                answer = bootstrap.invoke(played.event(name))
            check(expected(answer), f"{name}: {json.dumps(answer)}")
            print(f"{name:<18} {answer.get('statusCode') or json.dumps(answer)}")
        check(bool(played.ask("GET", f"/api/v1/invoices/{played.invoice}/pdf")["url"]), "there is no PDF")
        check(len(played.ask("GET", "/_local/mail.json")) == 1, "the welcome did not go out once")
        # A frame that is refused is answered with 200 as well
        said = [message["text"] for message in played.ask("GET", f"/api/v1/conversations/{played.conversation}/messages")["items"]]
        check(said == ["The fence is dry"], f"the frame was not said once: {said}")
    print(f"{len(EVENTS)} events, {time.monotonic() - begun:.1f} s")


main()
