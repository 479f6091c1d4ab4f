"""Requests that are wrong before anybody reads their body: raw bytes, each with the statuses it must be answered with, in order."""
import json

from bodies import TENANT

TENANT_BODY = json.dumps(TENANT).encode()


def head(line, host, *fields):
    return "\r\n".join([line, f"Host: {host}", *fields]).encode("latin-1") + b"\r\n\r\n"


def post(host, token, *fields, body=TENANT_BODY, path="/v1/tenants"):
    """A request that would register a tenant, but for the fields given."""
    return head(f"POST {path} HTTP/1.1", host, f"Authorization: Bearer {token}", *fields) + body


JSON, LENGTH = "Content-Type: application/json", f"Content-Length: {len(TENANT_BODY)}"


def media_types(host, token):
    for kind in [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
                 "application/json+x",
                 "application", "json", "text/json", "application/problem+json", "application/json, text/plain", "*/*", ""]:
        yield f"Content-Type {kind}", post(host, token, *([] if kind is None else [f"Content-Type: {kind}"]), LENGTH), [415]


def framing(host, token):
    """Two ways to read where the body ends; RFC 9112 section 6.3 and 11.2."""
    chunked = "Transfer-Encoding: chunked"
    chunks = f"{len(TENANT_BODY):x}\r\n".encode() + TENANT_BODY + b"\r\n0\r\n\r\n"
    for name, fields, body, status in [
            ("two lengths", [LENGTH, "Content-Length: 3"], TENANT_BODY, 400),
            ("the same length twice", [LENGTH, LENGTH], TENANT_BODY, 400),
            ("a list of lengths", [f"{LENGTH}, {len(TENANT_BODY)}"], TENANT_BODY, 400),
            ("length and chunks", [LENGTH, chunked], chunks, 400),
            ("chunks and length", [chunked, LENGTH], chunks, 400),
            ("a negative length", ["Content-Length: -1"], TENANT_BODY, 400),
            ("a length with a plus", ["Content-Length: +5"], TENANT_BODY, 400),
            ("a hexadecimal length", ["Content-Length: 0x10"], TENANT_BODY, 400),
            ("an empty length", ["Content-Length:"], TENANT_BODY, 400),
            ("a length of 2^63", [f"Content-Length: {2**63}"], TENANT_BODY, 413),
            ("a length of 2^64", [f"Content-Length: {2**64}"], TENANT_BODY, 413),
            ("a length of 40 digits", ["Content-Length: " + "9" * 40], TENANT_BODY, 413),
            ("10 MB announced", ["Content-Length: 10000000", "Expect: 100-continue"], b"", 413),
            ("chunks twice", [chunked, chunked], chunks, 400),
            ("gzip", ["Transfer-Encoding: gzip"], TENANT_BODY, 501),
            ("gzip, chunked", ["Transfer-Encoding: gzip, chunked"], chunks, 501),
            ("chunked, identity", ["Transfer-Encoding: chunked, identity"], chunks, 501),
            ("chunked by another name", ["Transfer-Encoding: xchunked"], chunks, 501),
            ("a chunk of no size", [chunked], b"\r\n" + chunks, 400),
            ("a chunk of a negative size", [chunked], b"-1\r\n" + chunks, 400),
            ("a chunk of 0x size", [chunked], b"0x5\r\nabcde\r\n0\r\n\r\n", 400),
            ("a chunk longer than it says", [chunked], b"3\r\nabcdef\r\n0\r\n\r\n", 400),
            ("a chunk ended by a line feed", [chunked], b"3\nabc\n0\n\n", 400),
            ("a chunk of 2^64", [chunked], b"10000000000000000\r\nabc\r\n", 413),
            ("too many chunks", [chunked], (b"2000\r\n" + b" " * 8192 + b"\r\n") * 9 + b"0\r\n\r\n", 413)]:
        yield name, post(host, token, JSON, *fields, body=body), [status]
    yield ("chunks under HTTP/1.0", head("POST /v1/tenants HTTP/1.0", host, f"Authorization: Bearer {token}", JSON,
                                         chunked) + chunks, [400])


def heads(host, token):
    bearer = f"Authorization: Bearer {token}"
    for name, request, status in [
            ("a folded line", head("GET /v1/tenants HTTP/1.1", host, "X-A: 1\r\n folded", bearer), 400),
            ("a folded credential", head("GET /v1/tenants HTTP/1.1", host, f"Authorization: Bearer\r\n {token}"), 400),
            ("a line feed alone", head("GET /v1/tenants HTTP/1.1", host, "X-A: 1\nX-B: 2", bearer), 400),
            ("a carriage return alone", head("GET /v1/tenants HTTP/1.1", host, "X-A: 1\rX-B: 2", bearer), 400),
            ("a blank before the colon", head("GET /v1/tenants HTTP/1.1", host, "X-A : 1", bearer), 400),
            ("a field without a colon", head("GET /v1/tenants HTTP/1.1", host, "X-A", bearer), 400),
            ("a field without a name", head("GET /v1/tenants HTTP/1.1", host, ": 1", bearer), 400),
            ("a NUL in a field", head("GET /v1/tenants HTTP/1.1", host, "X-A: a\0b", bearer), 400),
            ("no Host", f"GET /v1/tenants HTTP/1.1\r\n{bearer}\r\n\r\n".encode(), 400),
            ("two Hosts", head("GET /v1/tenants HTTP/1.1", host, f"Host: {host}", bearer), 400),
            ("a Host that is none", head("GET /v1/tenants HTTP/1.1", "a b/c", bearer), 400),
            ("HTTP/2.0", head("GET /v1/tenants HTTP/2.0", host, bearer), 505),
            ("HTTP/1.2", head("GET /v1/tenants HTTP/1.2", host, bearer), 505),
            ("http/1.1", head("GET /v1/tenants http/1.1", host, bearer), 400),
            ("no version", b"GET /v1/tenants\r\n\r\n", 400),
            ("two blanks", head("GET  /v1/tenants HTTP/1.1", host, bearer), 400),
            ("no HTTP", b"HELLO\r\n\r\n", 400),
            ("TLS", bytes.fromhex("160301002f0100002b0303") + b"\x11" * 40 + b"\r\n\r\n", 400),
            ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("a method with a blank inside", head("GE T /v1/tenants HTTP/1.1", host, bearer), 400),
            ("a method nobody has", head("BREW /v1/tenants HTTP/1.1", host, bearer), 405),
            ("a method of 40 letters", head("A" * 40 + " /v1/tenants HTTP/1.1", host, bearer), 400),
            ("TRACE", head("TRACE /v1/tenants HTTP/1.1", host, bearer), 405),
            ("CONNECT", head("CONNECT /v1/tenants HTTP/1.1", host, bearer), 405),
            ("17 KB of head", head("GET /v1/tenants HTTP/1.1", host, bearer, "X-A: " + "a" * 17000), 431),
            ("1 MB of head", head("GET /v1/tenants HTTP/1.1", host, bearer, "X-A: " + "a" * 1_000_000), 431),
            ("17 KB of path", head("GET /v1/tenants/" + "a" * 17000 + " HTTP/1.1", host, bearer), 431),
            ("200 fields", head("GET /v1/tenants HTTP/1.1", host, bearer, *[f"X-{n}: 1" for n in range(200)]), 431),
            ("two credentials", head("GET /v1/tenants HTTP/1.1", host, bearer, bearer), 401),
            ("a password", head("GET /v1/tenants HTTP/1.1", host, "Authorization: Basic YWRtaW46YWRtaW4="), 401),
            ("a credential of 8 KB", head("GET /v1/tenants HTTP/1.1", host, "Authorization: Bearer " + "a" * 8192), 401),
            ("a credential with a blank", head("GET /v1/tenants HTTP/1.1", host, bearer + " x"), 401)]:
        yield name, request, [status]
    for value, status in [("", 400), ("3", 400), ("\"3", 400), ("'3'", 400), ("\"998\",", 400), ("\"998\" \"999\"", 400),
                          ("*, \"1\"", 400), ("W/\"1\"", 412), ("\"998\", W/\"1\",\"999\"", 412)]:
        request = head("DELETE /v1/tenants/acme HTTP/1.1", host, bearer, f"If-Match: {value}")
        yield f"If-Match {value}", request, [status]
    for value in ["", "a" * 256, "a b", "caf\xe9"]:
        yield f"Idempotency-Key {value[:8]}", post(host, token, JSON, LENGTH, f"Idempotency-Key: {value}"), [400]


def targets(host, token):
    bearer = f"Authorization: Bearer {token}"
    for target in [
            "/v1/tenants/..%2fx", "/v1/tenants/..%2Fx", "/v1/tenants/a%2fb", "/v1/tenants/a%5cb", "/v1/tenants/%2e%2e",
            "/v1/tenants/%2E%2e/vms", "/v1/tenants/.", "/v1/tenants/..", "/v1/tenants/../vms", "/v1/./tenants", "//v1/tenants",
            "/v1//tenants", "/v1/tenants//", "/v1/tenants/acme//tokens", "/v1/tenants/%00", "/v1/tenants/a%00",
            "/v1/tenants/%0a", "/v1/tenants/%7f", "/v1/tenants/%", "/v1/tenants/%4", "/v1/tenants/%zz", "/v1/tenants/a\\b",
            "/v1/tenants/{x}", "/v1/tenants/\xe9", "/v1/tenants/a\"b", "/v1/tenants/a<b", "/v1/tenants#x", "v1/tenants",
            "http://127.0.0.1/v1/tenants", "*", "/v1/tenants?a=%", "/v1/tenants?page_size=\xe9"]:
        yield f"target {target!r}", head(f"GET {target} HTTP/1.1", host, bearer), [400]
    for query in [
            "page_size=-1", "page_size=x", "page_size=1.5", "page_size=1e2", "page_size=+1", "page_size=",
            f"page_size=-{2**64}", "page_token=x", "page_token=%00", "page_token=AAAAAAAAAAAA", "page_size=1&page_size=2",
            "page_size", "&", "=1", "colour=red", "page_size=%ff"]:
        yield f"query {query}", head(f"GET /v1/tenants?{query} HTTP/1.1", host, bearer), [400]
    for path in [
            "/v1/tenants/ACME", "/v1/tenants/%61cme", "/v1/tenants/a_b", "/v1/tenants/" + "a" * 64, "/v1/tenants/acme/",
            "/v1/tenants/acme/nothing", "/v1", "/", "/v1/tenants/acme/tokens/x", "/v1/tenants/acme/tokens/" + "A" * 22,
            "/v1/tenants/acme/ledger/proof/-1", "/v1/tenants/acme/ledger/proof/00", f"/v1/tenants/acme/ledger/proof/{2**64}",
            "/v1/tenants/acme/ledger/tile/0/1", "/v1/tenants/acme/ledger/tile/keys/token-issuer.key",
            "/v1/tenants/acme/ledger/tile/x/", "/problems/boredom", "/healthz/", "/metrics/x", "/admin", "/.env"]:
        yield f"path {path[:60]}", head(f"GET {path} HTTP/1.1", host, bearer), [404]


def pipelines(host, token):
    """Several requests in one write. After one that cannot be read, the connection ends."""
    bearer = f"Authorization: Bearer {token}"
    alive = head("GET /healthz HTTP/1.1", host)
    asked = head("GET /v1/tenants HTTP/1.1", host, bearer)
    yield "100 requests at once", alive * 100, [200] * 100
    yield "a good one before a bad one", alive + b"rubbish\r\n\r\n" + alive, [200, 400]
    yield "a refusal that ends nothing", head("GET /v1/tenants HTTP/1.1", host) + asked, [401, 200]
    yield "a body that looks like a request", post(host, token, JSON, f"Content-Length: {len(alive)}", body=alive) + asked, [400,
                                                                                                                             200]
    yield "a body after a length of 0", head("GET /healthz HTTP/1.1", host, "Content-Length: 0") + b"x" + alive, [200,
                                                                                                                  405]  # xGET
    yield "a body nobody asked for", head("GET /healthz HTTP/1.1", host, "Content-Length: 5") + b"12345" + alive, [200, 200]
    yield "too long a body before another", post(host, token, JSON, "Content-Length: 70000", body=b" " * 70000) + alive, [413]


def cases(host, token):
    """(name, bytes, statuses)."""
    for each in (media_types, framing, heads, targets, pipelines):
        yield from each(host, token)
