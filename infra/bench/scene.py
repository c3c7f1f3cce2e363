"""A local stack in memory with one organisation in it, and the sample events filled in with what is there."""

import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import secrets
import socket
import string
import subprocess
import time
import urllib.request
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = ROOT / "infra/events"
PATIENCE = 20
PASSWORD = "correct horse " + secrets.token_hex(3)
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Scene:
    """What the events speak of: an organisation, and one of everything in it."""

    def __init__(self, url: str):
        self.url, self.token = url, None
        self.variables = self.ask("GET", "/_local/environment")
        # Secrets of our own, because the first operator is made with what stands in them
        key = lambda count: base64.urlsafe_b64encode(secrets.token_bytes(count)).decode().rstrip("=")
        document = {"signing": [{"kid": key(9), "seed": key(32)}], "mac": key(32), "setup": key(24)}
        document["sealing"] = [{"kid": key(9), "key": key(32)}]
        self.ask("PUT", "/_local/secrets", document)
        # The bootstraps do the work of workers, and nobody else
        self.ask("POST", "/_local/calls", {"recording": True, "hold": True})
        email = "mia@sample.example"
        self.ask("POST", "/api/v1/auth/register", {
            "name": "Mia Sample", "email": email, "password": PASSWORD, "organization": "Sample Gardens",
            "address": "1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom", "phone": "+44 20 7946 0000", "expected_users": 25,
        })
        operator = {"email": "ada@sample.example", "password": PASSWORD}
        self.ask("POST", "/api/v1/platform/setup", {"token": document["setup"], "name": "Ada", **operator})
        operator = self.operator(operator)
        self.token = self.ask("POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})["access_token"]
        project = self.ask("POST", "/api/v1/projects", {"name": "Garden"})["id"]
        task = self.ask("POST", "/api/v1/tasks", {"project": project, "title": "Paint the fence"})["id"]
        client = {"name": "Rose", "email": "rose@sample.example", "address": "2 High Street\nOxford"}
        line = {"description": "Paint", "quantity_milli": 1000, "unit": "hour", "unit_price": 9500, "tax_rate": 1900}
        client = self.ask("POST", "/api/v1/clients", client)["id"]
        invoice = self.ask("POST", "/api/v1/invoices", {"client": client, "lines": [line]})["id"]
        self.ask("POST", f"/api/v1/invoices/{invoice}/issue", {})
        file = {"name": "plan.pdf", "media_type": "application/pdf", "bytes": 9, "task": task}
        self.invoice = invoice
        self.conversation = self.ask("GET", "/api/v1/conversations")["items"][0]["id"]
        self.values = {
            "TOKEN": self.token,
            "OPERATOR": operator,
            "EMAIL": email,
            "PASSWORD": PASSWORD,
            "ORGANIZATION": self.ask("GET", "/api/v1/organization")["id"],
            "USER": self.ask("GET", "/api/v1/auth/profile")["id"],
            "PROJECT": project,
            "TASK": task,
            "FILE": self.ask("POST", "/api/v1/files", file)["file"]["id"],
            "INVOICE": invoice,
            "CONVERSATION": self.conversation,
            "TICKET": self.ask("POST", "/api/v1/socket-tickets", {})["url"].rpartition("ticket=")[2],
        }

    def event(self, name: str) -> dict:
        return json.loads(string.Template((EVENTS / f"{name}.json").read_text()).safe_substitute(self.values))

    def operator(self, sign_in: dict[str, str]) -> str:
        """The token of an operator who has set up a second factor, without which it opens nothing."""
        self.token = self.ask("POST", "/api/v1/platform/login", sign_in)["access_token"]
        path = "/api/v1/platform/second-factor"
        secret = base64.b32decode(self.ask("POST", path, {"password": sign_in["password"]})["secret"])
        digest = hmac.digest(secret, (int(time.time()) // 30).to_bytes(8), hashlib.sha1)
        number = int.from_bytes(digest[digest[19] & 15:][:4]) & 0x7FFFFFFF
        self.ask("POST", f"{path}/confirm", {"code": f"{number % 1_000_000:06}"})
        return self.token

    def ask(self, method: str, path: str, body: object = None) -> object:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.token}"} if self.token else {})
        data = None if body is None else json.dumps(body).encode()
        with LOCAL.open(urllib.request.Request(self.url + path, data, headers, method=method), timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextlib.contextmanager
def play(stack: pathlib.Path) -> Iterator[Scene]:
    """Starts the local stack and ends it with the `with`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [stack, "--memory", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{stack} did not start")
            time.sleep(0.02)
        yield Scene(f"http://localhost:{port}")
    finally:
        process.terminate()
        process.wait()
