#!/usr/bin/env python3
"""Measures the start of functions: from the start of the process to its first call for work.

Plays the runtime API of Lambda on loopback for each bootstrap in a folder. The functions take turns, so that a machine
that is busy for a while is busy for all of them, and each is compared with the empty one of the same round.

usage: start.py FOLDER [ROUNDS]     FOLDER holds NAME/bootstrap, and empty/bootstrap
"""
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time


def start(bootstrap):
    """Seconds until the first call, and the process's resident memory then, in MB."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "TABLE": "table",
            "BUCKET": "bucket",
        }
        begun = time.perf_counter()
        process = subprocess.Popen([bootstrap], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection, _ = server.accept()
            asked = b""
            while b"/invocation/next" not in asked:
                chunk = connection.recv(4096)
                if not chunk:
                    raise RuntimeError(f"{bootstrap} asked for no work")
                asked += chunk
            taken = time.perf_counter() - begun
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            return taken, resident / 1024
        finally:
            process.kill()
            process.wait()


def main():
    folder = pathlib.Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 21
    names = sorted(path.parent.name for path in folder.glob("*/bootstrap"))
    if "empty" not in names:
        sys.exit(f"{folder} has no empty/bootstrap to measure against")
    measured = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            measured[name].append(start(folder / name / "bootstrap"))
    empty = [taken for taken, _ in measured["empty"]]
    print("| function | size MB | start ms, median | beside the empty one | memory MB |\n|---|---|---|---|---|")
    for name in names:
        taken = [seconds for seconds, _ in measured[name]]
        ratio = statistics.median(mine / its for mine, its in zip(taken, empty))
        memory = statistics.median(resident for _, resident in measured[name])
        size = (folder / name / "bootstrap").stat().st_size / 1e6
        print(f"| {name} | {size:.2f} | {statistics.median(taken) * 1000:.1f} | {ratio:.1f}× | {memory:.1f} |")


main()
