#!/usr/bin/env python3
"""Bad input against the real server: each request must get its status with a problem document, leave the process alive and change
nothing.

Usage: run.py --server PROGRAM. bodies.py holds what is wrong in JSON, requests.py what is wrong before that.
"""
import argparse
import concurrent.futures
import http.client
import io
import json
import pathlib
import select
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import bodies  # noqa: E402
import wire  # noqa: E402
from contract import Contract  # noqa: E402
from secret_scan import expect_no_secret_in_refusal  # noqa: E402
from server import Server, add_arguments  # noqa: E402

ANSWER_WITHIN_S = 30
SLOW_ANSWER_WITHIN_S = 60  # the server waits 10 s for a head and 30 s for a body
OWN_LEAVES = {"REQUESTS_REFUSED", "LEDGER_READ", "CHECKPOINT"}


class Received(io.RawIOBase):
    """A file over bytes that were received, for http.client."""

    def __init__(self, data):
        super().__init__()
        self.data = io.BytesIO(data)

    def makefile(self, *_):
        return self.data


def answers_in(data, count, method="GET"):
    """The answers that stand in the bytes, with their bodies; at most `count`, and what is left over."""
    stream, found = Received(data), []
    while len(found) < count and stream.data.tell() < len(data):
        answer = http.client.HTTPResponse(stream, method=method)
        answer.fp = stream.data
        answer.begin()
        length = answer.getheader("Content-Length")
        found.append((answer, stream.data.read(int(length)) if length else b""))
    return found, data[stream.data.tell():]


def exchange(port, data, count):
    """Sends the bytes and reads until `count` answers are there or the server ends the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S) as connection:
        connection.setblocking(False)
        while True:
            readable, writable, _ = select.select([connection], [connection] if data else [], [], ANSWER_WITHIN_S)
            if not readable and not writable:
                return received
            try:
                if readable:
                    part = connection.recv(65536)
                    received += part
                    if not part or (not data and is_complete(received, count)):
                        return received
                if writable:
                    data = data[connection.send(data[:65536]):]
            except (BrokenPipeError, ConnectionResetError):
                return received


def is_complete(received, count):
    try:
        found, rest = answers_in(received, count)
    except (http.client.HTTPException, ValueError):
        return False
    return len(found) == count and not rest and all(len(body) == int(answer.getheader("Content-Length") or 0) for answer,
                                                    body in found)


class Abuse:
    """A server under bad input, and what was wrong with how it took it."""

    def __init__(self, server):
        self.server = server
        self.process = server.process.pid
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_WITHIN_S)
        self.faults, self.requests = [], 0
        self.contract = Contract(json.loads(self.send("GET", "/openapi.json")[1]))
        self.admin = server.admin_token
        for tenant in ("acme", "globex"):
            self.make("/v1/tenants", {"tenant_id": tenant, "display_name": tenant, "max_vms": 10, "storage_quota_gb": 100,
                                      "api_rate_limit_rpm": 1000000000})
        order = {**bodies.TOKEN, "scope": "service:tenant-admin", "expires_in_seconds": 600}
        self.tenant_admin = self.make("/v1/tenants/acme/tokens", order)["token"]
        self.before = self.state()

    def send(self, method, path, token=None, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = kind
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def make(self, path, body):
        answer, data = self.send("POST", path, self.admin, json.dumps(body))
        if answer.status != 201:
            raise RuntimeError(f"POST {path}: {answer.status} {data[:500]}")
        return json.loads(data)

    def state(self):
        """Everything that could have changed. When tokens were seen is told by the way and left out."""
        tokens = json.loads(self.send("GET", "/v1/tenants/acme/tokens?page_size=1000", self.admin)[1])["tokens"]
        seen = [self.send("GET", "/v1/tenants?page_size=1000", self.admin)[1],
                [{**token, "first_seen": None, "last_seen": None} for token in tokens],
                self.send("GET", "/v1/vms?page_size=1000", self.tenant_admin)[1]]
        for token in (self.admin, self.tenant_admin):
            entries = json.loads(self.send("GET", "/v1/ledger/entries?page_size=1000", token)[1])["entries"]
            seen.append([entry["seq"] for entry in entries if entry["type"] not in OWN_LEAVES])
        return seen

    def check(self, name, method, path, answers, statuses):
        """The statuses, that each refusal is a problem document, and that nothing changed."""
        self.requests += 1
        actual = [answer.status for answer, _ in answers]
        if actual != statuses:
            self.faults.append(f"{name}: expected {statuses}, got {actual}: {answers[-1][1][:300] if answers else 'no answer'}")
        for answer, body in answers:
            expect_no_secret_in_refusal(name, answer.status, body, str(answer.headers))
            if answer.status >= 400:
                self.faults += [f"{name}: {fault}" for fault in self.contract.problem_faults(answer, body)]
            if path:
                self.faults += [f"{name}: {fault}" for fault in self.contract.faults(method, path, answer, body)]
        self.look_around(name)

    def look_around(self, name):
        if self.server.process.poll() is not None or self.server.process.pid != self.process:
            raise RuntimeError(f"{name}: the process has ended:\n{self.server.log()[-4000:]}")
        now = self.state()
        if now != self.before:
            self.faults.append(f"{name}: something has changed")
            self.before = now

    def json_cases(self, method, token, cases):
        for name, path, body, status in cases:
            try:
                answer = self.send(method, path, token, body)
            except (BrokenPipeError, ConnectionResetError):  # it refused before it had read all
                answer = self.reread(method, path, token, body)
            self.check(f"{method} {path}: {name}", method, path, [answer], [status])
            if answer[0].getheader("Connection") == "close":
                self.connection.close()

    def reread(self, method, path, token, body):
        """The same on a connection of its own, read while it is written."""
        self.connection.close()
        fields = [f"Authorization: Bearer {token}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        data = wire.head(f"{method} {path} HTTP/1.1", self.server.address, *fields) + body
        return answers_in(exchange(self.server.port, data, 1), 1)[0][0]

    def raw_cases(self):
        for name, data, statuses in wire.cases(self.server.address, self.admin):
            answers, _ = answers_in(exchange(self.server.port, data, len(statuses)), len(statuses) + 1)
            self.check(name, None, None, answers, statuses)


def truncated(port, data):
    """Sends only that much and says that no more will come; the bytes received until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def dribbled(port, data, at_once=b""):
    """Sends a start, then a byte whenever half a second has brought no answer; the bytes received until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), SLOW_ANSWER_WITHIN_S) as connection:
        connection.sendall(at_once)
        for byte in data:
            if select.select([connection], [], [], 0.5)[0]:
                break
            connection.sendall(bytes([byte]))
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def slow_cases(server, admin):
    """Senders that stop or take too long: 408. Each gets a thread, so that their waiting is one waiting."""
    body = json.dumps(bodies.TENANT).encode()
    request = wire.post(server.address, admin, wire.JSON, wire.LENGTH)
    whole_head = request[:-len(body)]
    endless = whole_head.replace(wire.LENGTH.encode(), b"Content-Length: 60000")
    return [
        ("a head byte by byte", dribbled, b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 200, [408]),
        ("a body byte by byte", lambda port, data: dribbled(port, data, endless), b"{" + b" " * 59999, [408]),
        ("a head that ends early", truncated, request[:40], [400]),
        ("a body that ends early", truncated, request[:-10], [400]),
        ("chunks that end early", truncated, whole_head.replace(wire.LENGTH.encode(), b"Transfer-Encoding: chunked") + b"5\r\nab",
         [400]),
        ("a connection that says nothing", truncated, b"", []),
    ]


def run(server):
    """What was wrong, and how many requests there were."""
    abuse = Abuse(server)
    slow = slow_cases(server, abuse.admin)
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as threads:
        waiting = [(name, threads.submit(send, server.port, data), statuses) for name, send, data, statuses in slow]
        abuse.json_cases("POST", abuse.admin, bodies.platform_cases())
        abuse.json_cases("PATCH", abuse.admin, bodies.changes_of_tenants())
        abuse.json_cases("POST", abuse.tenant_admin, bodies.tenant_cases())
        abuse.raw_cases()
        for name, received, statuses in waiting:
            answers, _ = answers_in(received.result(), len(statuses) + 1)
            abuse.check(name, None, None, answers, statuses)
    answer, _ = abuse.send("GET", "/healthz")
    if answer.status != 200:
        abuse.faults.append(f"/healthz says {answer.status}")
    return abuse.faults, abuse.requests


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with Server(options.server, arguments=["--address-rate-limit-rpm", "1000000"], store=options.store) as server:
        faults, requests_sent = run(server)
    for fault in faults:
        print(fault)
    print(f"{requests_sent} requests, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
