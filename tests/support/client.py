"""A client of the API for tests in Python: one connection for each thread that uses it, JSON both ways."""
import dataclasses
import http.client
import json
import threading
import time

import credential
from secret_scan import expect_no_secret_in_refusal

ANSWER_WITHIN_S = 30
MARGIN_S = 30  # for a slow machine


@dataclasses.dataclass
class Answer:
    """What came back. `json` is None when the body is not JSON."""
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        is_json = (self.headers.get("Content-Type") or "").partition(";")[0].endswith("json")
        return json.loads(self.body) if is_json else None

    @property
    def code(self):
        """The problem's code."""
        return (self.json or {}).get("code")

    @property
    def reason(self):
        """Why a credential was refused, as WWW-Authenticate says it."""
        return (self.headers.get("WWW-Authenticate") or "").partition('error_description="')[2].rstrip('"')


class Client:
    def __init__(self, server):
        self.server = server
        self.own = threading.local()
        self.admin = server.admin_token

    def send(self, method, path, token=None, body=None, headers=(), expect=None):
        """The answer. A body that is text is a form's. `headers` are pairs, so that one may come twice. Fails when another status than the expected one comes."""
        connection = getattr(self.own, "connection", None)
        if connection is None:
            connection = self.own.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=ANSWER_WITHIN_S)
        is_form = isinstance(body, str)
        data = (body if is_form else json.dumps(body)).encode() if body is not None else b""
        connection.putrequest(method, path, skip_accept_encoding=True)
        fields = [("Authorization", f"Bearer {token}")] if token else []
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        fields += [("Content-Type", kind)] if body is not None else []
        fields += [("Content-Length", str(len(data)))] if data or method != "GET" else []
        for name, value in [*fields, *headers]:
            connection.putheader(name, value)
        connection.endheaders(data or None)
        received = connection.getresponse()
        answer = Answer(received.status, received.headers, received.read())
        expect_no_secret_in_refusal(f"{method} {path.partition('?')[0]}", answer.status, answer.body, str(answer.headers))
        if expect and answer.status != expect:
            raise RuntimeError(f"{method} {path}: expected {expect}, got {answer.status}: {answer.body[:500]}")
        return answer

    def make_tenant(self, name, rate=1_000_000):
        self.send("POST", "/v1/tenants", self.admin, {"tenant_id": name, "display_name": name.upper(), "max_vms": 100,
                                                      "storage_quota_gb": 1000, "api_rate_limit_rpm": rate}, expect=201)
        return name

    def issue(self, tenant, public_key, scope="service:tenant-admin", by=None, headers=(), lifetime_s=600, **more):
        """The answer's JSON for a new token of the tenant, of the platform for None; issued by the administrator unless `by` a token,
        which it does not outlive."""
        lifetime = credential.claims_of(by.rpartition("~")[2])["exp"] - int(time.time()) - MARGIN_S if by else lifetime_s
        body = {"subject_pubkey": public_key, "scope": scope, "expires_in_seconds": lifetime, **more}
        return self.send("POST", f"/v1/tenants/{tenant}/tokens" if tenant else "/v1/tokens", by or self.admin, body, headers, expect=201).json
