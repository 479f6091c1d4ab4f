"""Many callers at once: a small HTTP/1.1 client, one socket and one request at a time, and volleys of such."""
import contextlib
import json
import selectors
import socket
import time

from secret_scan import expect_no_secret_in_refusal

ANSWER_WITHIN_S = 30
IDLE_AT_MOST_S = 10  # the server ends what is idle for longer than 30 s
CONCURRENT = 64


class Answer:
    """One answer: status, headers by their lower-case names, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The word of a problem document; none of other answers."""
        return self.json.get("code") if self.headers.get("content-type", "").startswith("application/problem") else None

    def __str__(self):
        return f"{self.status} {self.body.decode(errors='replace')[:600]}"


def request_bytes(method, path, token=None, body=None, headers=()):
    """The request as it goes over the wire."""
    content = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in dict(headers).items())]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines.append("Content-Type: application/json")
    if content or method == "POST":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


class Connection:
    """One connection. Every failure of it is a ConnectionError: then nobody can say whether the request was heard."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next answer."""
        while b"\r\n\r\n" not in self.received:
            self.read_more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.received) < length:
            self.read_more()
        body, self.received = self.received[:length], self.received[length:]
        answer = Answer(int(status.split(" ", 2)[1]), headers, body)
        expect_no_secret_in_refusal("an answer", answer.status, body, str(headers))
        return answer

    def read_more(self):
        try:
            part = self.socket.recv(65536)
        except TimeoutError:
            raise ConnectionError(f"no answer within {ANSWER_WITHIN_S} s") from None
        if not part:
            raise ConnectionError("the server closed the connection")
        self.received += part

    def close(self):
        self.socket.close()


class Caller:
    """Calls of one caller, on one connection that is made when it is needed."""

    def __init__(self, port, token=None):
        self.port, self.token, self.connection, self.used_at = port, token, None, 0

    def call(self, method, path, body=None, token=None, headers=()):
        """The answer. A ConnectionError leaves open whether the request was heard; the next call connects anew."""
        if time.monotonic() - self.used_at > IDLE_AT_MOST_S:
            self.close()
        try:
            if self.connection is None:
                self.connection = Connection(self.port)
            self.connection.send(request_bytes(method, path, token or self.token, body, headers))
            answer = self.connection.receive()
            self.used_at = time.monotonic()
        except OSError as error:
            self.close()
            raise error if isinstance(error, ConnectionError) else ConnectionError(str(error)) from error
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def expect(self, status, method, path, body=None, token=None, headers=()):
        """The answer, which must have the status."""
        answer = self.call(method, path, body, token, headers)
        if answer.status != status:
            raise RuntimeError(f"{method} {path} {body or ''}: expected {status}, got {answer}")
        return answer

    def pages(self, path, member, query="", token=None):
        """All elements of a list."""
        found, page = [], ""
        while True:
            answer = self.expect(200, "GET", f"{path}?page_size=1000{query}{page}", token=token).json
            found += answer[member]
            if "next_page_token" not in answer:
                return found
            page = f"&page_token={answer['next_page_token']}"

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def volley(ports, requests):
    """Sends all requests at the same moment, each on a connection of its own to one of the servers in turn, and gives their answers in
    the same order.

    The barrier is the last byte: everything else of every request has been sent before the first last byte goes out."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        connections = []
        for at, request in enumerate(requests):
            connections.append(Connection(ports[at % len(ports)]))
            stack.callback(connections[-1].close)
            connections[-1].send(request[:-1])
        for connection, request in zip(connections, requests):
            connection.socket.send(request[-1:])
        answers = [None] * len(requests)
        for at, connection in enumerate(connections):
            selector.register(connection.socket, selectors.EVENT_READ, at)
        while selector.get_map():
            ready = selector.select(ANSWER_WITHIN_S)
            if not ready:
                raise RuntimeError(f"{len(selector.get_map())} of {len(requests)} requests had no answer in {ANSWER_WITHIN_S} s")
            for key, _ in ready:
                answers[key.data] = connections[key.data].receive()
                selector.unregister(key.fileobj)
        return answers
