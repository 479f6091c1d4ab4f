"""Runs one API script against the real server with a fresh data directory.

Usage: run.py --server PATH/service-vm-tenant [--store ENGINE] SCRIPT.http [-- SERVER-ARGUMENT...]
Exit 0 when every answer was as written and the server stopped cleanly, with a ledger that verifies and no secret on disk.
"""
import argparse
import http.client
import json
import pathlib
import re
import secrets
import socket
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
import script  # noqa: E402
from contract import Contract  # noqa: E402
from secret_scan import expect_no_secret_in_refusal  # noqa: E402
from server import Server, add_arguments  # noqa: E402

ANSWER_WITHIN_S = 30
ABSENT = "{{absent}}"


class Run:
    """A script's variables and its way to the server."""

    def __init__(self, server):
        self.server = server
        self.variables = {"admin": server.admin_token, "host": server.address, "url": server.url}
        self.seeds = {}  # private keys by the name in {{public_key:NAME}}
        self.matcher = script.Matcher(self.variables)
        with urllib.request.urlopen(server.url + "/openapi.json", timeout=ANSWER_WITHIN_S) as answer:
            self.contract = Contract(json.load(answer))

    def expand(self, text):
        """The text with its placeholders filled in."""
        return script.PLACEHOLDER.sub(lambda found: self.value(found[1]), text)

    def value(self, word):
        kind, _, rest = word.partition(":")
        if kind == "fill":
            return "a" * int(rest)
        if kind == "nest":
            return "[" * int(rest)
        if kind == "public_key" and word not in self.variables:
            key = credential.public_key_of(self.seed(rest))
            self.variables[word], self.variables[f"fingerprint:{rest}"] = credential.b64url(key), credential.fingerprint(key)
        if kind == "enrolment":
            key, tenant, device, nonce = rest.split()
            return credential.enrolment(self.seed(key), self.variables["audience"], tenant, device, self.variables[nonce])
        if kind == "dpop":
            key, token, method, path = rest.split()
            return credential.proof(self.seed(key), self.variables[token], method, self.server.url + self.expand(path))
        if kind == "link" and word not in self.variables:
            key, token, holder = rest.split()
            self.variables[word] = credential.link(self.variables[token], self.seed(key), credential.public_key_of(self.seed(holder)))
        if kind == "session_proof":  # of what a challenge was captured as
            return credential.session_proof(self.seed(rest), {name: self.variables[name] for name in ("nonce", "aud", "rid")})
        if word not in self.variables:
            raise script.ScriptError(f"unknown {{{{{word}}}}}")
        return self.variables[word]

    def seed(self, name):
        """The private key of that name."""
        return self.seeds.setdefault(name, secrets.token_bytes(32))

    def request_bytes(self, exchange):
        """The request exactly as it goes out; Host and Content-Length are added unless the script says @raw."""
        body = self.expand(exchange.request_body).encode()
        request_line = self.expand(exchange.request_line)
        headers = [(name, self.expand(value)) for name, value in exchange.request_headers]
        if "raw" not in exchange.directives:
            request_line += " HTTP/1.1"
            named = {name.lower() for name, _ in headers}
            if "host" not in named:
                headers.insert(0, ("Host", self.server.address))
            if "content-length" not in named and (body or request_line.split()[0] in ("POST", "PATCH", "PUT")):
                headers.append(("Content-Length", str(len(body))))
        head = "\r\n".join([request_line, *(f"{name}: {value}" for name, value in headers)])
        return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body

    def faults_within(self, exchange):
        """As `faults`; with @within, asks again until there are none or the seconds are over."""
        give_up = time.monotonic() + float(exchange.directives.get("within", 0))
        while True:
            faults, answer = self.faults(exchange)
            if not faults or time.monotonic() > give_up:
                return faults, answer
            time.sleep(0.05)

    def send(self, exchange):
        """The answer and its body."""
        with socket.create_connection(("127.0.0.1", self.server.port), ANSWER_WITHIN_S) as connection:
            try:
                connection.sendall(self.request_bytes(exchange))
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server may refuse a large body before all of it is sent; its answer is what counts
            answer = http.client.HTTPResponse(connection, method=exchange.request_line.split()[0])
            answer.begin()
            body = answer.read()
            expect_no_secret_in_refusal(f"line {exchange.line}", answer.status, body, str(answer.headers))
            return answer, body

    def faults(self, exchange):
        """Sends the request; what is wrong with the answer, and the answer as text."""
        answer, body = self.send(exchange)
        text = body.decode("utf-8", "replace")
        faults = []
        if answer.status != exchange.status:
            faults.append(f"expected HTTP {exchange.status}, got {answer.status}")
        faults += self.header_faults(exchange, answer)
        faults += self.body_faults(exchange, text)
        faults += convention_faults(exchange, answer, text)
        faults += self.contract_faults(exchange, answer, body)
        shown = "".join(f"    {name}: {value}\n" for name, value in answer.getheaders())
        return faults, f"    HTTP {answer.status}\n{shown}\n    {text[:4000]}"

    def contract_faults(self, exchange, answer, body):
        """What api/openapi.yaml does not allow in the answer."""
        method, _, rest = self.expand(exchange.request_line).partition(" ")
        return self.contract.faults(method, rest.partition(" ")[0], answer, body)

    def header_faults(self, exchange, answer):
        for name, expected in exchange.headers:
            actual = answer.headers.get_all(name) or []
            if expected == ABSENT:
                if actual:
                    yield f"header {name} must not be there, is {actual[0]}"
            elif len(actual) != 1:
                yield f"header {name}: expected once, got {actual}"
            elif not self.matcher.text(expected, actual[0]):
                yield f"header {name}: expected {expected}, got {actual[0]}"

    def body_faults(self, exchange, text):
        """JSON is compared as JSON; of any other text, each expected line must be found in one line of the answer, or in none."""
        if not exchange.body:
            return []
        if re.match(r"\{(?!\{)|\[", exchange.body):
            try:
                actual = json.loads(text)
            except ValueError:
                return ["the body is not JSON"]
            return self.matcher.json(json.loads(exchange.body), actual)
        lines = text.splitlines()
        return [fault for line in exchange.body.splitlines() for fault in self.line_faults(line, lines)]

    def line_faults(self, line, lines):
        absent = line.startswith(ABSENT)
        pattern, _ = self.matcher.pattern(line.removeprefix(ABSENT))
        if any(re.search(pattern, other) for other in lines) != absent:
            return []
        return [f"{'a' if absent else 'no'} line of the body has “{line.removeprefix(ABSENT)}”"]


def convention_faults(exchange, answer, text):
    """What every answer must have (docs/DESIGN.md section 4.2), said here once instead of in every script."""
    if not answer.getheader("X-Request-Id"):
        yield "X-Request-Id is missing"
    if answer.status in (204, 304) and text:
        yield "a body without a place for one"
    if answer.status < 400 or exchange.request_line.startswith(("HEAD ", "POST /v1/tokens/verify")):
        return  # what a token is worth has a form of its own (TOKENS.md section 13)
    if answer.getheader("Content-Type") != "application/problem+json":
        yield "an error without application/problem+json"
        return
    problem = json.loads(text)
    for member, kind in {"type": str, "title": str, "status": int, "detail": str, "instance": str, "code": str,
                         "request_id": str, "retryable": bool}.items():
        if type(problem.get(member)) is not kind:
            yield f"the problem has no {member}"
    if problem.get("status") != answer.status:
        yield "the problem's status is not the answer's"
    if problem.get("request_id") != answer.getheader("X-Request-Id"):
        yield "the problem's request_id is not the answer's"
    if not str(problem.get("type")).startswith("/problems/"):
        yield "the problem's type is not a page of the server"
    if answer.status == 401 and not answer.getheader("WWW-Authenticate"):
        yield "401 without WWW-Authenticate"
    if answer.status == 405 and not answer.getheader("Allow"):
        yield "405 without Allow"
    if answer.status == 503 and not answer.getheader("Retry-After"):
        yield "503 without Retry-After"


def secrets_of(variables):
    """The signatures and secrets of the credentials that a script has seen (law 6): what it must not find anywhere."""
    return {value.rsplit(".", 1)[-1] for name, value in variables.items() if value.startswith(("eyJ", "cs_")) or name == "csrf"}


def verify_ledger(server):
    """What `service-fs verify --full` finds wrong in the stopped server's data."""
    done = server.service_fs("verify", "--full")
    return [] if done.returncode == 0 else [f"service-fs verify --full: exit {done.returncode}\n{done.stdout}{done.stderr}"]


def run_script(path, options):
    """The number of faults found."""
    exchanges = script.parse(path.read_text(encoding="utf-8"))
    failed = 0
    server = Server(options.server, arguments=options.arguments, store=options.store)
    try:
        server.start()
        run = Run(server)
        for exchange in exchanges:
            for _ in range(int(exchange.directives.get("repeat", 1))):
                faults, answer = run.faults_within(exchange)
                if faults:
                    failed += 1
                    print(f"{path.name}:{exchange.line}: {exchange.name}")
                    print("".join(f"  {fault}\n" for fault in faults) + answer + "\n")
                    break
        server.scan.add(*secrets_of(run.variables))
        status = server.stop()
        ends = [f"the server ended with {status}"] if status else []
        ends += verify_ledger(server)
        for fault in ends:
            print(f"{path.name}: {fault}")
        if failed or ends:
            print(f"--- log\n{server.log()[-8000:]}")
        print(f"{path.name}: {len(exchanges) - failed} of {len(exchanges)} as written")
        return failed + len(ends)
    finally:
        if server.is_running():
            server.kill()
        server.clean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("script", type=pathlib.Path)
    parser.add_argument("arguments", nargs="*", help="further arguments of the server")
    options = parser.parse_args()
    return 1 if run_script(options.script, options) else 0


if __name__ == "__main__":
    sys.exit(main())
