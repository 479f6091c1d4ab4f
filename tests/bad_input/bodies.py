"""Bodies that must be refused, each with the status it deserves: 400 what cannot be read as this request, 422 what can be but is
never possible, 413 what is too long."""
import json

TENANT = {"tenant_id": "intruder", "display_name": "Intruder", "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": 60}
VM = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}
TOKEN = {"subject_pubkey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "scope": "READ", "expires_in_seconds": 60}
IMAGE = {"name": "small", "format": "kernel", "url": "https://images.example/small", "sha256": "0" * 64, "size_bytes": 1}
SSH_KEY = {"name": "laptop", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43}
BODY_BYTES_MAX = 64 * 1024

NO_INTEGERS = ["1e3", "1.0", "1E0", "0.5", "-1.0", '"1"', "true", "[]", "{}", "null"]
NO_JSON = ["01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-", "1_000", "--1", "undefined", "'1'"]
IMPOSSIBLE = ["-1", "1000000001", str(2**31 - 1), str(2**32), str(2**53), str(2**63 - 1), str(2**63), str(2**64), str(-2**63),
              str(-2**63 - 1), "9" * 400]

TENANT_IDS = ["", "A", "Acme", "acmE", "1acme", "-acme", "acme-", "a--b", "-", "--", "a" * 64, "../x", "..", ".", "a/b", "a\\b",
              "a.b", "a_b",
              "a b", " a", "a ", "a\n", "a\t", "a\x00", "\x00", "%2e%2e", "a%00", "é", "ä-b", "аcme", "acme\u200b", "😀", "ａcme",
              "a;b", "a'b", 'a"b',
              "a:b", "a@b", "a*", "a?", "a#", "\u202ea", "acme\u0301"]
NAMES = ["", "-a", "a-", "a--b", "a" * 64, "../etc", "a b", "a/b", "a.b", "é", "a\x00", "%2f"]


def with_literal(order, name, literal):
    """The order with one member's value as raw JSON text."""
    return json.dumps({**order, name: "@"}).replace('"@"', literal).encode()


def numbers(path, order, names, impossible=()):
    """Every wrong way to write each of the numbers."""
    for name in names:
        for literal in NO_INTEGERS + NO_JSON:
            yield f"{name} {literal}", path, with_literal(order, name, literal), 400
        for literal in [*IMPOSSIBLE, *impossible]:
            yield f"{name} {literal[:24]}", path, with_literal(order, name, literal), 422


def members(path, order, names):
    """Every member of another type, missing, twice, and one nobody knows."""
    whole = json.dumps(order)
    for name in names:
        for literal in ["1", "true", "[]", "{}", "null"]:
            yield f"{name} {literal}", path, with_literal(order, name, literal), 400
    for name in order:
        yield f"{name} twice", path, (whole[:-1] + f',"{name}":{json.dumps(order[name])}}}').encode(), 400
        escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
        yield f"{name} twice, once escaped", path, (whole[:-1] + f',"{escaped}":{json.dumps(order[name])}}}').encode(), 400
    for stranger in ["extra", "", "Tenant_id", "tenant_id ", "tenant_id\u0000", "__proto__", "max_vm", "0"]:
        yield f"unknown {stranger!r}", path, json.dumps({**order, stranger: 1}).encode(), 400


def missing(path, order, required):
    for name in required:
        yield f"without {name}", path, json.dumps({key: value for key, value in order.items() if key != name}).encode(), 400


def tenants():
    path = "/v1/tenants"
    limits = ["max_vms", "storage_quota_gb", "api_rate_limit_rpm"]
    yield from numbers(path, TENANT, limits)
    yield from ((name, *rest) for name, *rest in numbers(path, TENANT, ["max_ram_mb", "max_vcpus"]) if "null" not in name)
    yield from members(path, TENANT, ["tenant_id", "display_name"])
    yield from missing(path, TENANT, TENANT)
    for value in TENANT_IDS:
        yield f"tenant_id {value!r}", path, json.dumps({**TENANT, "tenant_id": value}).encode(), 422
        yield f"tenant_id {value!r} in UTF-8", path, json.dumps({**TENANT, "tenant_id": value}, ensure_ascii=False).encode(), 422
    for value in ["", "a" * 201, "é" * 201, "a\n", "\x00", "\x7f", "\x1b[2J"]:
        yield f"display_name {value[:8]!r}", path, json.dumps({**TENANT, "display_name": value}).encode(), 422


def changes_of_tenants():
    path = "/v1/tenants/acme"
    yield from numbers(path, {"max_vms": 1}, ["max_vms", "storage_quota_gb", "api_rate_limit_rpm"])
    yield from members(path, {"max_vms": 50}, ["display_name"])
    for name, value in [("tenant_id", "acme"), ("state", "suspended"), ("usage", {}), ("ledger", {}), ("created_by", "me"),
                        ("over_quota", False)]:
        yield f"a change of {name}", path, json.dumps({name: value}).encode(), 400


def vms():
    path = "/v1/vms"
    yield from numbers(path, VM, ["ram_mb", "vcpu_count"], ["0"])
    yield from numbers(path, VM, ["disk_gb"])
    yield from members(path, VM, ["vm_type", "name", "preferred_node"])
    yield from missing(path, VM, ["vm_type", "ram_mb", "vcpu_count"])
    for name in ["vm_type", "name", "preferred_node"]:
        for value in NAMES:
            yield f"{name} {value!r}", path, json.dumps({**VM, name: value}).encode(), 422
    for literal in ["1", '"true"', "null", "[]"]:
        yield f"prefer_kvm {literal}", path, with_literal(VM, "prefer_kvm", literal), 400
    for literal, status in [("1", 400), ("null", 400), ("true", 400), ('""', 422), ('"Always"', 422), ('"on-failure"', 422)]:
        yield f"restart_policy {literal}", path, with_literal(VM, "restart_policy", literal), status
    one_port = '{"guest_port":22}'
    for literal, status in [
            ("{}", 400), ('"22"', 400), ("null", 400), ("[22]", 400), ("[{}]", 400), ('[{"guest_port":"22"}]', 400),
            ('[{"guest_port":22.0}]', 400), ('[{"guest_port":22,"host_port":1}]', 400), ('[{"guest_port":22,"protocol":6}]', 400),
            ('[{"guest_port":22,"guest_port":23}]', 400), ('[{"guest_port":0}]', 422), ('[{"guest_port":-1}]', 422),
            ('[{"guest_port":65536}]', 422), (f'[{{"guest_port":{2**63}}}]', 422), ('[{"guest_port":22,"protocol":"TCP"}]', 422),
            ("[" + ",".join([one_port] * 33) + "]", 422)]:
        yield f"ports {literal[:40]}", path, with_literal(VM, "ports", literal), status
    yield "another tenant's name", path, json.dumps({**VM, "tenant_id": "globex"}).encode(), 403
    for state in ["state", "vm_id", "node_id", "created_at", "ram_alloc_mb"]:
        yield f"an answer's member {state}", path, json.dumps({**VM, state: "x"}).encode(), 400


def images():
    path, url = "/v1/images", IMAGE["url"]
    yield from members(path, IMAGE, ["name", "format", "url", "sha256", "cmdline"])
    yield from missing(path, IMAGE, IMAGE)
    yield from numbers(path, IMAGE, ["min_disk_gb"])
    for literal in NO_INTEGERS + NO_JSON:
        yield f"size_bytes {literal}", path, with_literal(IMAGE, "size_bytes", literal), 400
    for literal in ["0", "-1", str(2**44 + 1), str(2**63), "9" * 400]:
        yield f"size_bytes {literal[:24]}", path, with_literal(IMAGE, "size_bytes", literal), 422
    for name, values in {"name": NAMES, "format": ["", "vmdk", "QCOW2", "raw "], "sha256": ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64],
                         "url": ["", "x", "file:///etc/passwd", "ftp://a/b", "https://", "https://u:p@a/", url + "#x", url + " x", url + "\n",
                                 url + "\x00", url + "é", "https://a/" + "x" * 2039, '"<x/>', "../x"],
                         "cmdline": ["", "a\n", "\x00", "é", "a" * 2048]}.items():
        for value in values:
            yield f"{name} {value[:24]!r}", path, json.dumps({**IMAGE, name: value}).encode(), 422
    file = {name: IMAGE[name] for name in ("url", "sha256", "size_bytes")}
    for value, status in [(1, 400), ("x", 400), ([], 400), (None, 400), ({}, 400), ({**file, "mode": 1}, 400), ({**file, "url": 1}, 400),
                          ({**file, "url": "x"}, 422), ({**file, "sha256": "x"}, 422), ({**file, "size_bytes": 0}, 422)]:
        yield f"initrd {str(value)[:40]}", path, json.dumps({**IMAGE, "initrd": value}).encode(), status
    yield "an initrd of a disk", path, json.dumps({**IMAGE, "format": "raw", "initrd": file}).encode(), 422
    yield "a command line of a disk", path, json.dumps({**IMAGE, "format": "raw", "cmdline": "x"}).encode(), 422


def ssh_keys():
    path, line = "/v1/ssh-keys", SSH_KEY["public_key"]
    yield from members(path, SSH_KEY, ["name", "public_key"])
    yield from missing(path, SSH_KEY, SSH_KEY)
    for value in NAMES:
        yield f"name {value!r}", path, json.dumps({**SSH_KEY, "name": value}).encode(), 422
    for value in ["", "x", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa" + line[11:], line + "\n", line + "\nx", line + "\x00", line + " é", "no-pty " + line,
                  f'command="x" {line}', line + " " + "c" * 201, line + "=" * 9000, "-----BEGIN OPENSSH PRIVATE KEY-----"]:
        yield f"public_key {value[:24]!r} {len(value)}", path, json.dumps({**SSH_KEY, "public_key": value}).encode(), 422


def tokens():
    path = "/v1/tenants/acme/tokens"
    yield from numbers(path, TOKEN, ["expires_in_seconds"], ["0", "59"])
    yield from numbers(path, TOKEN, ["delegable_depth"], ["9"])
    yield from members(path, TOKEN, ["scope", "label", "audience"])
    yield from missing(path, TOKEN, TOKEN)
    for value in ["", "ALL", "READ ", "READ INPUT", "service:", "service:A", "service:-a", "service:" + "a" * 64, "admin"]:
        yield f"scope {value!r}", path, json.dumps({**TOKEN, "scope": value}).encode(), 422
    for literal in ["1", "true", "null", "[]"]:
        yield f"subject_pubkey {literal}", path, with_literal(TOKEN, "subject_pubkey", literal), 400
    for value in ["", "AAAA", "A" * 43, "0" * 64, "ssh-rsa AAAAB3NzaC1yc2E=", "-----BEGIN PUBLIC KEY-----", {"kty": "RSA"}, {}]:
        yield f"subject_pubkey {value!r}", path, json.dumps({**TOKEN, "subject_pubkey": value}).encode(), 422
    for value, status in [
            ("x", 400), ({}, 400), (None, 400), ([1], 422), ([{}], 422), ([{"op": []}], 422), ([{"colour": ["red"]}], 422),
            ([{"op": ["vm.list"], "ip": ["::1"]}], 422), ([{"quota": {"vms": -1}}], 422), ([{"uses": 0}], 422),
            ([{"uses": 1}] * 17, 422)]:
        yield f"caveats {str(value)[:40]}", path, json.dumps({**TOKEN, "caveats": value}).encode(), status
    for value in ["a" * 101, "é" * 51, "a\n", "\x00"]:
        yield f"label {value[:8]!r}", path, json.dumps({**TOKEN, "label": value}).encode(), 422
    yield "a foreign audience", path, json.dumps({**TOKEN, "audience": "cadastre:elsewhere"}).encode(), 422
    yield "another tenant's name", path, json.dumps({**TOKEN, "tenant_id": "globex"}).encode(), 403
    yield "the scope of administrators", path, json.dumps({**TOKEN, "scope": "service:platform-admin"}).encode(), 403


def shapes():
    """What is no JSON object at all, for a call that would otherwise work."""
    path, good = "/v1/tenants", json.dumps(TENANT).encode()
    for name, body in {
            "nothing": b"", "white space": b"  ", "an array": b"[]", "a text": b'"x"', "a number": b"1", "null": b"null",
            "two objects": good + good,
            "more after it": good + b"x", "a NUL after it": good + b"\0", "a comment": b"/**/" + good,
            "a byte order mark": b"\xef\xbb\xbf" + good,
            "UTF-16": good.decode().encode("utf-16"), "UTF-32": good.decode().encode("utf-32-le"),
            "single quotes": good.replace(b'"', b"'"),
            "a comma at the end": good[:-1] + b",}", "no closing brace": good[:-1], "half": good[:len(good) // 2],
            "a bare name": b"{a:1}",
            "a name that is a number": b"{1:1}", "a broken escape": good.replace(b"Intruder", b"\\x41"),
            "half a surrogate": good.replace(b"Intruder", b"\\ud800"), "surrogates swapped": good.replace(b"Intruder",
                                                                                                          b"\\udc00\\ud800"),
            "a control character": good.replace(b"Intruder", b"a\x01"), "a line break": good.replace(b"Intruder", b"a\nb"),
            "no UTF-8": good.replace(b"Intruder", b"\xff"), "overlong UTF-8": good.replace(b"Intruder", b"\xc0\xaf"),
            "a surrogate in UTF-8": good.replace(b"Intruder", b"\xed\xa0\x80"), "beyond Unicode": good.replace(b"Intruder",
                                                                                                               b"\xf4\x90\x80\x80"),
            "cut UTF-8": good.replace(b"Intruder", b"\xe2\x82"), "60,000 brackets": b"[" * 60000,
            "60,000 braces": b'{"a":' * 12000,
            "deep inside": good[:-1] + b',"x":' + b"[" * 500 + b"]" * 500 + b"}", "gzip": b"\x1f\x8b\x08\0\0\0\0\0"}.items():
        yield f"a body that is {name}", path, body, 400
    padded = good[:-1] + b" " * (BODY_BYTES_MAX - len(good)) + b"}"
    yield "65,536 bytes, one member unknown", path, padded[:-16] + b'"x":1'.rjust(15) + b"}", 400
    yield "65,537 bytes", path, padded + b" ", 413
    yield "10 MB", path, good + b" " * 10_000_000, 413


def bodyless():
    """Calls that take nothing, or an empty object."""
    for path in ["/v1/tenants/acme/suspend", "/v1/tenants/acme/resume"]:
        for body, status in [(b'{"x":1}', 400), (b"[]", 400), (b"null", 400), (b"x", 400)]:
            yield f"{path} with {body.decode()}", path, body, status


def platform_cases():
    """(name, path, body, status), sent as POST under an administrator's token."""
    yield from tenants()
    yield from tokens_of_platform()
    yield from shapes()
    yield from bodyless()


def tokens_of_platform():
    for value in ["x", "..%2f", "ACME"]:
        yield f"a token for {value!r}", "/v1/tokens", json.dumps({**TOKEN, "tenant_id": value}).encode(), 404
    yield "a token for nobody", "/v1/tokens", json.dumps(TOKEN).encode(), 400


def tenant_cases():
    """The same under a tenant administrator's token."""
    yield from vms()
    yield from images()
    yield from ssh_keys()
    yield from tokens()
    for body, status in [
            ({}, 400), ({"all": False}, 400), ({"all": True, "rid": "x"}, 400), ({"rid": "x"}, 422), ({"rid": 1}, 400),
            ({"all": 1}, 400)]:
        yield f"revocation {body}", "/v1/tenants/acme/revocations", json.dumps(body).encode(), status
