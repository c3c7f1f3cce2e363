"""A tour of the running product: `make run` in one terminal, `make demo` in another.

Signs up a new organisation each time, does what its people would do, and checks every answer.
OFFICE_COPILOT_URL says where the product is, if not at http://localhost:8080.
"""

import base64
import hashlib
import json
import math
import os
import re
import secrets
import socket
import ssl
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

URL = os.environ.get("OFFICE_COPILOT_URL", "http://localhost:8080").rstrip("/")
RUN = secrets.token_hex(3)
PASSWORD = "correct horse " + RUN
PATIENCE = 10
LOCAL = urllib.parse.urlsplit(URL).hostname in ("localhost", "127.0.0.1", "::1")
# A proxy of the environment does not know this machine's own names
OPENER = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if LOCAL else []))


class Mismatch(Exception):
    """The product did something else than this tour says."""


def check(holds, what):
    if not holds:
        raise Mismatch(what)


# What is printed


def heading(number, title):
    print(f"\n{number}. {title}")


def show(what, request=None, answer=None):
    print(f"   {what}")
    if request or answer:
        print(f"      {'  →  '.join(part for part in (request, answer) if part)}")


# HTTP


class Answer:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content

    @property
    def json(self):
        return json.loads(self.content)


def fetch(method, url, content=None, headers=None):
    request = urllib.request.Request(url, data=content, headers=headers or {}, method=method)
    try:
        with OPENER.open(request, timeout=PATIENCE) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.headers, refused.read())


class Person:
    """Somebody with a name, and with a token once logged in."""

    def __init__(self, name, organization=RUN):
        self.name = name
        self.email = f"{name.split()[0].lower()}.{organization}@example.com"
        self.token = self.id = None

    def ask(self, expected, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["content-type"] = "application/json"
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        content = None if body is None else json.dumps(body).encode()
        answer = fetch(method, URL + path, content, headers)
        check(answer.status == expected, f"{method} {path}: {expected} expected, {answer.status} came: {answer.content.decode()[:500]}")
        return answer

    def get(self, path):
        return self.ask(200, "GET", path).json

    def create(self, path, body, **headers):
        return self.ask(201, "POST", path, body, **headers).json

    def log_in(self):
        tokens = self.ask(200, "POST", "/api/v1/auth/login", {"email": self.email, "password": PASSWORD}).json
        self.token, self.id = tokens["access_token"], tokens["user"]

    def mail(self, subject):
        """The mail with this in its subject, from the mailbox of the local stack."""

        def look():
            box = fetch("GET", URL + "/_local/mail.json")
            check(box.status == 200, "only the local stack has a mailbox in which this tour can read its mails")
            return next((mail for mail in box.json if self.email in mail["to"] and subject in mail["subject"]), None)

        return wait_for(look, f"a mail to {self.email} about “{subject}”")

    def token_of(self, mail):
        return re.search(r"token=([\w.-]+)", mail["text"]).group(1)


def wait_for(look, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise Mismatch(f"{what} did not come within {PATIENCE} s")


# WebSocket (RFC 6455), as much of it as a client needs


class Live:
    """An open connection of one person; `expect` takes events in any order."""

    def __init__(self, person):
        url = urllib.parse.urlsplit(person.ask(200, "POST", "/api/v1/socket-tickets").json["url"])
        secure = url.scheme == "wss"
        self.socket = socket.create_connection((url.hostname, url.port or (443 if secure else 80)), PATIENCE)
        if secure:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=url.hostname)
        self.bytes, self.text, self.events, self.frames = b"", b"", [], 0
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = [f"GET {url.path}?{url.query} HTTP/1.1", f"Host: {url.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.bytes:
            self.receive(PATIENCE)
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        check(b" 101 " in head.split(b"\r\n")[0], f"the WebSocket was refused: {head.decode()[:200]}")

    def receive(self, seconds):
        self.socket.settimeout(max(seconds, 0.001))
        received = self.socket.recv(65536)
        check(received, "the connection was closed")
        self.bytes += received

    def write(self, opcode, content):
        size = len(content)
        length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
        mask = secrets.token_bytes(4)
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(content)))

    def frame(self):
        """One frame that has come whole, as opcode and content; `None` while there is none."""
        head, size = 2, self.bytes[1] & 127 if len(self.bytes) > 1 else 0
        if size >= 126:
            head, form = (4, "!H") if size == 126 else (10, "!Q")
            size = struct.unpack(form, self.bytes[2:head])[0] if len(self.bytes) >= head else 0
        if len(self.bytes) < head + size or len(self.bytes) < 2:
            return None
        first, content, self.bytes = self.bytes[0], self.bytes[head : head + size], self.bytes[head + size :]
        return first & 0x80, first & 15, content

    def read(self):
        """Takes in what has come."""
        while (frame := self.frame()) is not None:
            last, opcode, content = frame
            check(opcode != 8, "the connection was closed")
            if opcode == 9:
                self.write(10, content)
            elif opcode in (0, 1):
                self.text += content
                if last:
                    self.events.append(json.loads(self.text))
                    self.text = b""

    def expect(self, *names, fits=lambda event: True):
        """The first event of such a name that fits and has not been taken yet."""
        end = time.monotonic() + PATIENCE
        while True:
            self.read()
            for event in self.events:
                if event["event"] in names and fits(event):
                    self.events.remove(event)
                    return event
            try:
                check(time.monotonic() < end, f"no “{names[0]}” came within {PATIENCE} s; there came {self.events}")
                self.receive(end - time.monotonic())
            except TimeoutError:
                pass

    def send(self, action, **fields):
        self.frames += 1
        self.write(1, json.dumps({"action": action, "id": self.frames, **fields}).encode())

    def ask(self, action, **fields):
        """The answer to a frame."""
        self.send(action, **fields)
        answer = self.expect("answer", "error", fits=lambda event: event.get("id") == self.frames)
        check(answer["event"] == "answer", f"“{action}” was refused: {answer}")
        return answer

    def close(self):
        self.write(8, struct.pack("!H", 1000))
        self.socket.close()


# The tour


def people(mia, ben):
    heading(1, "People")
    form = {"name": mia.name, "organization": f"Acme Gardens {RUN}", "address": "1 Mill Lane\nOxford OX1 1AA", "zone": "Europe/London"}
    form |= {"email": mia.email, "password": PASSWORD, "phone": "+44 20 7946 0000", "expected_users": 25}
    refused = mia.ask(422, "POST", "/api/v1/auth/register", form | {"email": "mia", "password": "short", "colour": "green"}).json
    faults = {fault["field"]: fault["message"] for fault in refused["errors"]}
    check(faults.keys() == {"/email", "/password", "/colour"}, f"other faults are named: {faults}")
    show("A sign-up with mistakes is refused, and each is named.", "POST /api/v1/auth/register", f"422 {refused['type']}")
    show("   " + ", ".join(f"{field[1:]} {fault}" for field, fault in faults.items()))

    founded = mia.create("/api/v1/auth/register", form)
    show(f"{mia.name} signs up “{form['organization']}”.", "POST /api/v1/auth/register", f"201 {founded['organization']['id']}")
    token = mia.token_of(mia.mail("Welcome"))
    mia.ask(204, "POST", "/api/v1/auth/verify-email", {"token": token, "password": PASSWORD})
    mia.log_in()
    check(mia.get("/api/v1/auth/profile")["email_verified"], "the address is not confirmed")
    show("A mail asks to confirm the address. Mia follows its link and logs in.", "POST /api/v1/auth/login", "200, a token for 15 minutes")

    departments = mia.get("/api/v1/departments")["items"]
    operations = next(department for department in departments if department["name"] == "Operations")
    invitation = {"email": ben.email, "role": "member", "department": operations["id"]}
    mia.create("/api/v1/invitations", invitation)
    link = ben.token_of(ben.mail("invites you"))
    joined = ben.create("/api/v1/auth/join", {"token": link, "name": ben.name, "password": PASSWORD})
    check(joined["role"] == "member" and joined["department"] == operations["id"], f"Ben joined as something else: {joined}")
    show(f"Mia invites {ben.name}, who joins by the link in the mail.", "POST /api/v1/auth/join", "201, a member in Operations")
    ben.ask(409, "POST", "/api/v1/auth/join", {"token": link, "name": ben.name, "password": PASSWORD})
    show("The link works once.", "POST /api/v1/auth/join", "409")
    ben.log_in()


def work(mia, ben):
    heading(2, "Projects and tasks")
    project = mia.create("/api/v1/projects", {"name": "Spring", "lead": mia.id, "zone": "Europe/London"})
    draft = {"project": project["id"], "title": "Paint the fence", "assignees": [ben.id], "priority": "high", "labels": ["garden"]}
    key = secrets.token_hex(16)
    task = mia.create("/api/v1/tasks", draft, idempotency_key=key)
    again = mia.create("/api/v1/tasks", draft, idempotency_key=key)
    check(task == again, "the same request made two tasks")
    show("Mia gives Ben a task, and sends it twice with one Idempotency-Key.", "POST /api/v1/tasks", f"201 {task['id']}, both times")

    path = f"/api/v1/tasks/{task['id']}"
    refused = ben.ask(409, "PUT", f"{path}/state", {"state": "DONE"}).json
    check(refused["allowed"] == ["IN_PROGRESS", "CANCELLED"], f"other moves are allowed: {refused}")
    show("Ben cannot be done before he began.", "PUT /api/v1/tasks/…/state DONE", f"409, allowed are {' and '.join(refused['allowed'])}")
    moved = ben.ask(200, "PUT", f"{path}/state", {"state": "IN_PROGRESS"}, if_match='"1"')
    check(moved.headers["etag"] == '"2"', "the version did not rise")
    show("He begins, and the task's version rises.", "PUT …/state IN_PROGRESS, If-Match “1”", "200, ETag “2”")
    stale = mia.ask(412, "PATCH", path, {"priority": "low"}, if_match='"1"').json
    check(stale["version"] == 2, f"the present version is missing: {stale}")
    show("Mia edits what she read before that, and is told.", "PATCH …, If-Match “1”", "412, it has version 2 now")
    ben.create(f"{path}/comments", {"text": "Which **colour**?"})
    found = wait_for(lambda: ben.get(f"/api/v1/tasks?project={project['id']}&text=fen+gard")["items"], "the task in a search")
    check([one["id"] for one in found] == [task["id"]], f"the search found something else: {found}")
    show("Ben comments. The task is found by beginnings of its words.", "GET /api/v1/tasks?text=fen+gard", f"200, “{found[0]['title']}”")
    return project, task


def files(ben, task):
    heading(3, "Files")
    content = "# Colours\n\nGreen, or *green*.\n".encode()

    def upload(name, media_type, content, announced):
        draft = {"name": name, "media_type": media_type, "bytes": announced, "task": task["id"]}
        made = ben.create("/api/v1/files", draft)
        form, border = made["upload"], secrets.token_hex(16)
        parts = [f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
        parts.append(f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {media_type}\r\n\r\n')
        body = "".join(parts).encode() + content + f"\r\n--{border}--\r\n".encode()
        stored = fetch("POST", form["url"], body, {"content-type": f"multipart/form-data; boundary={border}"})
        return made["file"]["id"], stored.status

    id, status = upload("colours.md", "text/markdown", content, len(content))
    check(status < 300, f"the store refused the file with {status}")
    file = ben.ask(200, "POST", f"/api/v1/files/{id}/complete").json
    check(file["state"] == "stored", f"the file is not stored: {file}")
    show("Ben attaches a file. It goes straight to the store, by a form for exactly it.", "POST /api/v1/files, the form, …/complete", f"200 {id}")
    link = ben.get(f"/api/v1/files/{id}/download")
    got = fetch("GET", link["url"])
    check(got.content == content, "other bytes came back")
    check("attachment" in got.headers["content-disposition"], "a browser would open it in the page")
    show("He gets it back by a link that is good for five minutes.", "GET …/download", f"200, the same {len(content)} bytes")
    _, status = upload("colours.md", "text/markdown", content + b"!", len(content))
    check(400 <= status < 500, f"the store took a larger file with {status}")
    show("One byte more than announced is refused by the store.", "the form", f"{status}")
    id, _ = upload("colours.png", "image/png", content, len(content))
    refused = ben.ask(409, "POST", f"/api/v1/files/{id}/complete").json
    show("Text that calls itself a picture is not taken.", "POST …/complete", f"409 {refused['detail']}")


def chat(mia, ben, project, task):
    heading(4, "Live")
    conversation = mia.create("/api/v1/conversations", {"with": ben.id})["id"]
    hers, his = Live(mia), Live(ben)
    show("Both open a WebSocket, each with a ticket that works once.", "POST /api/v1/socket-tickets", "200, and a connection")
    begun = time.perf_counter()
    hers.send("send", conversation=conversation, text="Green it is.", nonce="1")
    message = his.expect("message")["message"]
    took = (time.perf_counter() - begun) * 1000
    check(message["text"] == "Green it is." and message["seq"] == 1, f"another message came: {message}")
    show("Mia writes to Ben.", "send", f"number 1, stored, and with Ben after {took:.0f} ms")
    again = hers.ask("send", conversation=conversation, text="Green it is.", nonce="1")["message"]
    check(again["id"] == message["id"], "a nonce said it twice")
    his.send("mark", conversation=conversation, seen=1)
    marks = hers.expect("marked", fits=lambda event: event["participation"]["seen"] == 1)
    check(marks["participation"]["user"] == ben.id, "somebody else has seen it")
    show("She sends it again, and it is not said twice. Ben has seen it.", "send with the same nonce, mark", "Mia sees the mark")

    his.close()
    hers.expect("presence", fits=lambda event: event["user"] == ben.id and event["presence"] == "offline")
    for text in ("Dark green.", "Or light?", "Dark."):
        hers.ask("send", conversation=conversation, text=text)
    his = Live(ben)
    missed = his.ask("history", conversation=conversation, after=1)["messages"]
    check([one["seq"] for one in missed] == [2, 3, 4], f"not what he missed: {missed}")
    show("Ben goes, which Mia sees. Back again, he asks for what came after number 1.", "history after 1", "numbers 2, 3 and 4")

    hers.ask("watch", project=project["id"])
    ben.ask(200, "PUT", f"/api/v1/tasks/{task['id']}/state", {"state": "IN_REVIEW"})
    change = hers.expect("change", fits=lambda event: event["action"] == "task.moved")
    check(change["record"]["state"] == "IN_REVIEW", f"not what is now: {change}")
    show("Mia watches the project. Ben moves the task.", "watch", f"change {change['action']} to {change['record']['state']}, by {change['by']['name']}")
    hers.close()
    return his


def reminders(mia, ben, his, project):
    heading(5, "Reminders")
    clock = fetch("GET", URL + "/_local/clock")
    ahead = datetime.fromisoformat(clock.json["now"].replace("Z", "+00:00")).timestamp() - time.time() if clock.status == 200 else 0
    due = math.ceil(time.time() + ahead + 2.5)
    due_at = datetime.fromtimestamp(due, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    draft = {"project": project["id"], "title": "Water the roses", "assignees": [ben.id], "due_at": due_at}
    task = mia.create("/api/v1/tasks", draft)
    show("Mia gives Ben a task that is due in about three seconds.", "POST /api/v1/tasks", f"201, due at {due_at[11:19]} UTC")
    of_task = lambda event: event["notification"]["subject"]["id"] == task["id"] and event["notification"]["reason"] == "due"
    told = his.expect("notification", fits=of_task)["notification"]
    late = time.time() + ahead - due
    check(0 <= late < 2, f"the reminder came {late:.2f} s after its second")
    show("Ben is reminded when it is due, live …", "notification", f"{told['text']}, {late:.2f} s after its second")
    inbox = ben.get("/api/v1/notifications")["items"]
    check(any(one["id"] == told["id"] for one in inbox), "it is not in the inbox")
    ben.mail(told["text"])
    show("… in his inbox, and by mail.", "GET /api/v1/notifications", f"200, {len(inbox)} notifications")
    his.close()


def money(mia):
    heading(6, "Invoices")
    address = "7 High Street\nReading RG1 2AB"
    client = mia.create("/api/v1/clients", {"name": "Rose & Sons", "email": f"rose.{RUN}@example.com", "address": address})
    line = lambda what, quantity, unit, price, discount, rate: {
        "description": what, "quantity_milli": quantity, "unit": unit, "unit_price": price, "discount": discount, "tax_rate": rate,
    }  # fmt: skip
    lines = [line("Painting", 1500, "hour", 9500, 0, 1900), line("Brushes", 3000, "piece", 333, 1000, 1900), line("Roses", 1000, "bunch", 1999, 0, 700)]
    invoice = mia.create("/api/v1/invoices", {"client": client["id"], "lines": lines, "term_days": 14, "notes": "Thank you."})
    totals = invoice["totals"]
    check((totals["net"], totals["tax"], totals["gross"]) == (17148, 3018, 20166), f"it does not add up: {totals}")
    show("Three lines, two tax rates, one discount.", "POST /api/v1/invoices", f"201, 171.48 + 30.18 = 201.66 {invoice['currency']}")
    path = f"/api/v1/invoices/{invoice['id']}"
    issued = mia.ask(200, "POST", f"{path}/issue").json
    check(re.fullmatch(r"\d{4}-0001", issued["number"]), f"not the first number: {issued['number']}")
    show("Issued, it gets the next number and changes no more.", "POST …/issue", f"200, number {issued['number']}, due on {issued['due_on']}")
    mia.ask(409, "POST", f"{path}/issue")

    paper = wait_for(lambda: mia.get(path)["pdf"], "the PDF")
    pdf = fetch("GET", mia.get(f"{path}/pdf")["url"]).content
    check(pdf.startswith(b"%PDF-") and hashlib.sha256(pdf).hexdigest() == paper["sha256"], "this is not the PDF on record")
    file = os.path.join(tempfile.gettempdir(), f"invoice-{issued['number']}-{RUN}.pdf")
    with open(file, "wb") as out:
        out.write(pdf)
    show("A worker makes the PDF.", "GET …/pdf", f"200, {len(pdf):,} bytes with the SHA-256 on record")
    show(f"   It is here: {file}")
    return invoice


def trail(mia, ben, task, invoice):
    heading(7, "The trail, the walls, and the page")
    changes = mia.get(f"/api/v1/changes?record={invoice['id']}")["items"][::-1]
    story = [(change["action"], change["by"]["name"]) for change in changes]
    expected = [("invoice.drafted", mia.name), ("invoice.issued", mia.name), ("invoice.printed", "Office Copilot")]
    check(story == expected, f"another story: {story}")
    show("Who did what to the invoice; each with before and after.", "GET /api/v1/changes?record=ivc_…", "200")
    show("   " + ", ".join(f"{action} by {name}" for action, name in story))
    ben.ask(403, "GET", "/api/v1/changes")
    show("Ben's role does not read the trail.", "GET /api/v1/changes", "403")

    eve = Person("Eve Stone", RUN + "x")
    form = {"name": eve.name, "email": eve.email, "password": PASSWORD, "organization": "Next Door", "address": "2 Mill Lane", "phone": "12345", "expected_users": 1}
    eve.create("/api/v1/auth/register", form)
    eve.log_in()
    nothing = lambda id: {**eve.ask(404, "GET", f"/api/v1/tasks/{id}").json, "request": None}
    check(nothing(task["id"]) == nothing("tsk_" + "0" * 26), "an outsider can tell that the task exists")
    show("For Eve, of another organisation, Mia's task does not exist.", "GET /api/v1/tasks/tsk_…", "404, as for an id of nothing")

    page, document = fetch("GET", URL + "/"), fetch("GET", URL + "/openapi.json").json
    check(page.status == 200 and b"swagger" in page.content.lower(), "there is no API page")
    operations = sum(method in item for item in document["paths"].values() for method in ("get", "post", "put", "patch", "delete"))
    check(operations > 40, f"only {operations} operations are documented")
    show("All of this can be tried in the browser.", f"GET {URL}/", f"200, {operations} operations")


def main():
    print(f"Office Copilot, a tour of {URL}")
    mia, ben = Person("Mia Chen"), Person("Ben Okoro")
    try:
        people(mia, ben)
        project, task = work(mia, ben)
        files(ben, task)
        his = chat(mia, ben, project, task)
        reminders(mia, ben, his, project)
        invoice = money(mia)
        trail(mia, ben, task, invoice)
    except Mismatch as mismatch:
        sys.exit(f"\nThis is not as it should be: {mismatch}")
    except urllib.error.URLError as error:
        sys.exit(f"\nNothing answers at {URL} ({error.reason}). Start it with `make run`.")
    print(f"\nEverything was as it should be. Look around as {mia.email}, password “{PASSWORD}”.")


if __name__ == "__main__":
    main()
