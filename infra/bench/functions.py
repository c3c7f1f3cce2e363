#!/usr/bin/env python3
"""Measures the functions as they are deployed: size, start, first answer, processor time and memory.

Every bootstrap gets a sample event beside a local stack. The functions take turns, so that a machine that is busy for a
while is busy for all of them. The start is the quickest of all rounds, which a busy machine spoils least.

usage: functions.py FOLDER STACK [ROUNDS]     FOLDER holds NAME/bootstrap, and empty/bootstrap; STACK is the local stack
"""

import pathlib
import sys
from statistics import median

import runtime
import scene

# What each is asked; the rest are asked the event of their own name
EVENTS = {"socket": "socket-message"}
REQUESTS = 100


def answer(path: pathlib.Path, played: scene.Scene, event: dict) -> float:
    """Seconds from the start of the process to its first answer."""
    with runtime.Bootstrap(path, played.variables) as bootstrap:
        bootstrap.invoke(event)
        return bootstrap.answered


def start(path: pathlib.Path) -> tuple[float, float, float]:
    """Until the first call for work, with TLS as in the cloud: seconds, those of them on a processor, and resident MB."""
    with runtime.Bootstrap(path) as bootstrap:
        return bootstrap.started, bootstrap.cpu(), bootstrap.memory()


def work(path: pathlib.Path, played: scene.Scene, event: dict) -> tuple[float, float, float]:
    """Seconds of processor time of the first answer and of each later one, and resident MB in the end."""
    with runtime.Bootstrap(path, played.variables) as bootstrap:
        idle = bootstrap.cpu()
        bootstrap.invoke(event)
        first = bootstrap.cpu()
        for _ in range(REQUESTS):
            bootstrap.invoke(event)
        return first - idle, (bootstrap.cpu() - first) / REQUESTS, bootstrap.memory()


def main() -> None:
    folder, stack = map(pathlib.Path, sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 21
    paths = {path.parent.name: path for path in sorted(folder.glob("*/bootstrap"))}
    if "empty" not in paths:
        sys.exit(f"{folder} has no empty/bootstrap to measure against")
    with scene.play(stack) as played:
        functions = {name: name.partition("-")[0] for name in paths}  # tasks-before is another build of tasks
        events = {name: {} if its == "empty" else played.event(EVENTS.get(its, its)) for name, its in functions.items()}
        starts = {name: [] for name in paths}
        answers = {name: [] for name in paths}
        for _ in range(rounds):
            for name, path in paths.items():
                starts[name].append(start(path))
                answers[name].append(answer(path, played, events[name]))
        works = {name: work(path, played, events[name]) for name, path in paths.items()}
    print(
        "| function | size MB | start ms | × empty | start CPU ms | × empty | memory MB | first answer ms | its CPU ms | CPU ms of a later one | memory MB after 100 |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for name, path in paths.items():
        began, used, idle = ([one[at] for one in starts[name]] for at in range(3))
        quickest = min(began) / min(its for its, _, _ in starts["empty"])
        processor = median(mine / its for mine, (_, its, _) in zip(used, starts["empty"]))
        first, later, memory = works[name]
        print(
            f"| {name} | {path.stat().st_size / 1e6:.2f} | {min(began) * 1000:.1f} | {quickest:.1f} | {median(used) * 1000:.1f} "
            f"| {processor:.1f} | {median(idle):.1f} | {median(answers[name]) * 1000:.1f} | {first * 1000:.1f} | {later * 1000:.2f} | {memory:.1f} |"
        )


main()
