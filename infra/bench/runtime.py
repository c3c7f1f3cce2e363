"""Plays the runtime API of Lambda on loopback: starts a bootstrap, hands it events and takes its answers."""

import errno
import json
import pathlib
import select
import socket
import subprocess
import sys
import time

PATIENCE = 20
# What Lambda sets, and what the functions read before their first event
VARIABLES = {
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


class Bootstrap:
    """A running bootstrap, from its first call for work to the end of the `with`."""

    def __init__(self, path: pathlib.Path, variables: dict[str, str] | None = None, log: int = subprocess.DEVNULL):
        self.path, self.count, self.received = path, 0, {}
        self.server = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{self.server.getsockname()[1]}"
        environment = {**VARIABLES, **(variables or {}), "AWS_LAMBDA_RUNTIME_API": address}
        self.begun = time.perf_counter()
        try:
            self.process = subprocess.Popen([path], env=environment, stdout=log, stderr=log)
        except OSError as error:
            self.server.close()
            if error.errno == errno.ENOEXEC:
                sys.exit(f"{path} is for another processor: make build ARCH=…")
            raise
        try:
            self.waiting = self._asked_for_work()
        except BaseException:
            self.stop()
            raise
        self.started = time.perf_counter() - self.begun

    def __enter__(self) -> "Bootstrap":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for connection in [self.server, *self.received]:
            connection.close()

    def invoke(self, event: object) -> object:
        """The answer to an event; a function that failed raises what it said."""
        self.count += 1
        body = json.dumps(event).encode()
        deadline = int((time.time() + PATIENCE) * 1000)
        head = (
            f"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {self.count}\r\nlambda-runtime-deadline-ms: {deadline}\r\n"
            "lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:measured\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.waiting.sendall(head.encode() + body)
        connection, target, answer = self._request()
        connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        self.answered = time.perf_counter() - self.begun
        if not target.endswith(f"/{self.count}/response"):
            raise RuntimeError(f"{self.path} failed at {target}: {answer.decode(errors='replace')}")
        self.waiting = self._asked_for_work()
        return json.loads(answer)

    def memory(self) -> float:
        """Resident, in MB."""
        return int(self._line("status", "VmRSS:").split()[1]) / 1024

    def cpu(self) -> float:
        """Seconds of processor time that its threads have taken."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def _line(self, file: str, start: str) -> str:
        text = pathlib.Path(f"/proc/{self.process.pid}/{file}").read_text()
        return next(line for line in text.splitlines() if line.startswith(start))

    def _asked_for_work(self) -> socket.socket:
        connection, target, body = self._request()
        if not target.endswith("/invocation/next"):
            raise RuntimeError(f"{self.path} asked for no work, but for {target}: {body.decode(errors='replace')}")
        return connection

    def _request(self) -> tuple[socket.socket, str, bytes]:
        """The next request on any connection: where from, its path and its body."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for connection, data in self.received.items():
                if request := parse(data):
                    target, body, self.received[connection] = request
                    return connection, target, body
            ready, _, _ = select.select([self.server, *self.received], [], [], 0.5)
            for source in ready:
                if source is self.server:
                    connection, _ = self.server.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.received[connection] = b""
                elif chunk := source.recv(65536):
                    self.received[source] += chunk
                else:
                    del self.received[source]
                    source.close()
            if not ready and self.process.poll() is not None:
                raise RuntimeError(f"{self.path} ended with {self.process.returncode}")
        raise RuntimeError(f"{self.path} did not call for {PATIENCE} s")


def parse(data: bytes) -> tuple[str, bytes, bytes] | None:
    """Path and body of the first request in the data, and what follows it; none while it is not all there."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    target = first.split()[1]
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while True:
            size, line, rest = rest.partition(b"\r\n")
            length = int(size, 16) if line else 0
            if not line or len(rest) < length + 2:
                return None
            body, rest = body + rest[:length], rest[length + 2 :]
            if not length:
                return target, body, rest
    length = int(headers.get("content-length", 0))
    return (target, rest[:length], rest[length:]) if len(rest) >= length else None


def find(folder: pathlib.Path, name: str) -> pathlib.Path:
    """As cargo-lambda lays bootstraps out, or as cargo does."""
    return next((path for path in (folder / name / "bootstrap", folder / name) if path.is_file()), folder / name)
