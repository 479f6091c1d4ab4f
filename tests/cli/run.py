#!/usr/bin/env python3
"""The command line `cadastre` against a real server: every verb, its answers for people and programs, its refusals and exit codes.

Usage: run.py --server PROGRAM [--store ENGINE] (cadastre, service-fs and service-vm-host lie beside it)
"""
import argparse
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import completing  # noqa: E402
import credential  # noqa: E402
import fleet  # noqa: E402
import revoking  # noqa: E402
from secret_scan import shapes_in  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

OK, REFUSED, USAGE, INPUT_OUTPUT = range(4)
PUBLISHED_WITHIN_S = 20
TOLD_WITHIN_S = 10
LIMITS = ("--display-name", "Acme", "--max-vms", "3", "--storage-quota-gb", "100", "--api-rate-limit-rpm", "100000")
SMALL_VM = ("--type", "small", "--ram-mb", "64", "--vcpus", "1")


class Trial:
    """Somebody at a shell, with a home of their own."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.program = server.program("cadastre")
        self.faults = []
        self.secrets = []
        self.save("admin.token", server.admin_token + "\n")

    def save(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        self.secrets += [line for line in text.splitlines() if line.startswith("eyJ")]
        return path

    def expect(self, what, actual, expected):
        if actual != expected:
            self.faults.append(f"{what}: expected {expected!r}, got {actual!r}")

    def found(self, what, pattern, text):
        if not re.search(pattern, text):
            self.faults.append(f"{what}: “{pattern}” is not in: {text}")

    def run(self, *arguments, code=OK, says="", given="", environment=(), shows_secret=False):
        """What the program prints. It must end with that code; when it is refused, its error output is one line with `says` in it."""
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, cwd=self.folder, input=given, timeout=120,
                              check=False, env={**self.server.environment(), "HOME": str(self.folder), **dict(environment)})
        shown = "cadastre " + " ".join(str(each) for each in arguments)
        self.expect(f"exit of {shown}: {done.stderr}", done.returncode, code)
        lines = [line for line in done.stderr.splitlines() if line != "Run with --help for more information."]
        self.expect(f"lines of errors of {shown}: {done.stderr}", len(lines), 0 if code == OK else 1)
        if says:
            self.found(f"errors of {shown}", says, done.stderr)
        self.faults += [f"{shown} shows a token" for secret in self.secrets
                        if secret in done.stderr or (secret in done.stdout and not shows_secret)]
        self.faults += [f"{shown} shows {kind} in its errors" for _, kind in shapes_in(done.stderr.encode())]
        return done.stdout

    def json(self, *arguments, **more):
        text = self.run(*arguments, "-o", "json", **more)
        try:
            return json.loads(text)
        except ValueError:
            raise RuntimeError(f"cadastre {' '.join(arguments)} printed no JSON: {text} {self.faults[-1:]}") from None


def keys(trial):
    """A key pair that openssl reads, for its owner alone."""
    public = trial.run("key", "create", "holder.key").strip()
    path = trial.folder / "holder.key"
    trial.expect("mode of the key file", path.stat().st_mode & 0o777, 0o600)
    der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
    trial.expect("the public key by openssl", credential.b64url(der[-32:]), public)
    trial.run("key", "create", "holder.key", code=INPUT_OUTPUT, says="cannot make holder.key: File exists")
    forms = trial.json("key", "show", "holder.key")
    trial.expect("the key's thumbprint", forms["thumbprint"], credential.thumbprint(der[-32:]))
    for form in ("hex", "jwk", "openssh", "pem"):
        trial.save("public", trial.run("key", "show", "holder.key", "--form", form), mode=0o644)
        trial.expect(f"the key from its form {form}", trial.run("key", "show", "public").strip(), public)
    trial.save("public.pem", trial.run("key", "show", "holder.key", "--form", "pem"), mode=0o644)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", trial.folder / "openssl.key"], check=True)
    trial.run("key", "show", "openssl.key")
    path.chmod(0o644)
    trial.run("key", "show", "holder.key", code=INPUT_OUTPUT, says="others can read it: run `chmod 600 holder.key`")
    path.chmod(0o600)
    trial.run("key", "show", "nowhere", code=INPUT_OUTPUT, says="cannot read nowhere: No such file")
    return public


def contexts(trial):
    """Where the server is and who one is there, kept without a secret."""
    trial.run("status", code=USAGE, says="a token is needed: give --token-file, CADASTRE_TOKEN, or a context")
    url = ("--url", trial.server.url)
    trial.run("context", "add", "admin", *url, "--token-file", "admin.token")
    trial.save("open.token", "x\n", mode=0o640)
    trial.run("context", "add", "open", *url, "--token-file", "open.token", code=INPUT_OUTPUT, says="chmod 600 open.token")
    trial.run("context", "add", "no context", *url, code=USAGE, says="a context's name")
    trial.run("context", "add", "far", "--url", "https://far.example", "--tenant", "acme")
    trial.run("context", "use", "nobody", code=USAGE, says='there is no context "nobody"')
    listed = {each["name"]: each for each in trial.json("context", "list")["contexts"]}
    trial.expect("contexts", [*listed], ["admin", "far"])
    trial.expect("which is current", (listed["admin"]["current"], listed["far"]["current"]), (True, False))
    trial.expect("the token's file from any folder", listed["admin"]["token_file"], str(trial.folder / "admin.token"))
    config = trial.folder / ".config" / "cadastre" / "config.toml"
    trial.expect("mode of the contexts' file", config.stat().st_mode & 0o777, 0o600)
    trial.run("context", "use", "far")
    trial.run("whoami", code=USAGE, says="a token is needed")
    trial.run("whoami", "--context", "admin")
    trial.run("context", "remove", "far")
    trial.run("whoami", code=USAGE, says="a token is needed")
    trial.run("context", "use", "admin")
    trial.run("whoami", "--url", "http://127.0.0.1:1", code=USAGE, says="the token of context admin is for its own server")
    other = {"XDG_CONFIG_HOME": str(trial.folder / "elsewhere")}
    trial.expect("contexts elsewhere", trial.json("context", "list", environment=other)["contexts"], [])
    kept = config.read_text(encoding="utf-8")
    trial.save(".config/cadastre/config.toml", kept + "[contexts.x]\ncolour = 1\n")
    trial.run("whoami", code=INPUT_OUTPUT, says="context x has an unknown member colour")
    trial.save(".config/cadastre/config.toml", kept)


def tenants(trial):
    trial.expect("a tenant", trial.json("tenant", "create", "acme", *LIMITS)["tenant_id"], "acme")
    trial.run("tenant", "create", "acme", *LIMITS, code=REFUSED, says=r"\(ALREADY_EXISTS, request [^ ]+\)$")
    trial.run("tenant", "create", "ACME", *LIMITS, code=USAGE, says="TENANT may hold only a-z")
    trial.run("tenant", "create", "globex", *LIMITS, "--max-ram-mb", "0x10", code=USAGE, says="--max-ram-mb must be a number .*, or none")
    trial.run("tenant", "create", "globex", "--max-ram-mb", "1024", *LIMITS)
    trial.expect("a limit", trial.json("tenant", "get", "globex")["max_ram_mb"], 1024)
    changed = trial.json("tenant", "update", "globex", "--max-vms", "0", "--max-ram-mb", "none")
    trial.expect("changed limits", (changed["max_vms"], changed["max_ram_mb"], changed["display_name"]), (0, None, "Acme"))
    trial.run("tenant", "update", "globex", code=USAGE, says="say what is to change")
    trial.expect("suspended", trial.json("tenant", "suspend", "globex")["state"], "suspended")
    trial.expect("resumed", trial.json("tenant", "resume", "globex")["state"], "active")
    table = trial.run("tenant", "list").splitlines()
    trial.expect("the table's rows", [line.split()[0] for line in table], ["TENANT", "acme", "globex"])
    trial.expect("where its second column begins", len({line.find(word) for line, word in zip(table, ("STATE", "active", "active"))}), 1)
    trial.run("tenant", "delete", "globex")
    trial.expect("tenants", [each["tenant_id"] for each in trial.json("tenant", "list")["tenants"]], ["acme"])


def tokens(trial, public):
    order = ("--subject-pubkey", public, "--expires-in", "1h")
    issued = trial.json("token", "issue", "--tenant", "acme", "--subject-pubkey", public, "--expires-in", "1d", "--scope", "service:tenant-admin", "--delegable-depth", "2",
                        "--save", "acme.token")
    trial.expect("what is shown of a saved token", "token" in issued, False)
    trial.run("token", "issue", "--tenant", "acme", *order, "--scope", "READ", "--save", "acme.token", code=INPUT_OUTPUT,
              says="cannot make acme.token: it is there already")
    listed = trial.json("token", "list", "--tenant", "acme")["tokens"]
    trial.expect("tokens after one that could not be saved", [each["token_id"] for each in listed], [issued["token_id"]])
    trial.expect("mode of the token's file", (trial.folder / "acme.token").stat().st_mode & 0o777, 0o600)
    trial.secrets.append((trial.folder / "acme.token").read_text().strip())
    trial.run("token", "list", code=USAGE, says="say which tenant with --tenant")
    trial.run("context", "add", "acme", "--url", trial.server.url, "--token-file", "acme.token", "--key-file", "holder.key")
    trial.run("context", "use", "acme")
    trial.expect("who I am", trial.json("whoami")["token_id"], issued["token_id"])
    trial.run("token", "issue", "--subject-pubkey", "@holder.key", "--expires-in", "1h", "--scope", "READ", code=USAGE,
              says="--subject-pubkey: this is a private key")
    reader = trial.json("token", "issue", "--subject-pubkey", "@public.pem", "--expires-in", "1h", "--scope", "read", "--label", "a reader", "--caveat", '{"method":["GET"]}')
    trial.expect("the new token's scope", reader["scope"], "READ")
    trial.secrets.append(reader["token"])
    trial.found("a saved reader", "a reader", trial.run("token", "list"))
    trial.expect("its caveats", trial.json("token", "get", reader["token_id"])["caveats"], [{"method": ["GET"]}])
    trial.run("vm", "list", environment={"CADASTRE_TOKEN": reader["token"]})
    trial.run("vm", "list", "--token-file", "-", given=reader["token"] + "\n")
    trial.run("vm", "create", *SMALL_VM, environment={"CADASTRE_TOKEN": reader["token"]}, code=REFUSED, says="INSUFFICIENT_SCOPE|CAVEAT_DENIED")
    trial.run("token", "revoke", reader["token_id"])
    trial.run("whoami", environment={"CADASTRE_TOKEN": reader["token"]}, code=REFUSED, says=r"does not accept this token \(revoked\)$")
    trial.run("vm", "list", environment={"CADASTRE_TOKEN": reader["token"]}, code=REFUSED, says=r"\(UNAUTHENTICATED: revoked, request")
    trial.run("token", "issue", *order, "--scope", "service:platform-admin", code=REFUSED,
              says=r"^cadastre: A token of scope service:tenant-admin cannot issue one of scope service:platform-admin \(INSUFFICIENT_SCOPE, request [^ ]+\)$")
    trial.run("token", "issue", *order, "--scope", "READ", "--caveat", "{", code=USAGE, says="--caveat must be JSON")
    pem = (trial.folder / "holder.key").read_text()
    trial.run("token", "issue", "--subject-pubkey", pem, "--expires-in", "1h", "--scope", "READ", code=USAGE, says="a secret on the command line")
    trial.run("vm", "list", "--token-file", reader["token"], code=USAGE, says="a secret on the command line")


def proofs(trial, public):
    """A token that demands proof of its key is used with the context's key, and refused without."""
    proved = trial.json("token", "issue", "--subject-pubkey", public, "--expires-in", "1h", "--scope", "INPUT", "--require-pop")
    trial.secrets.append(proved["token"])
    given = {"CADASTRE_TOKEN": proved["token"]}
    for _ in range(2):
        trial.run("vm", "list", "--limit", "1", environment=given)
    url = ("--url", trial.server.url, "--context", "admin")
    trial.run("vm", "list", *url, environment=given, code=USAGE, says="demands proof of its key: give --key-file")
    trial.run("vm", "list", *url, "--key-file", "openssl.key", environment=given, code=REFUSED, says="pop_key_mismatch")


def sessions(trial, public):
    """A session is opened with the key of a token, stands in its place, and ends."""
    issued = trial.json("token", "issue", "--subject-pubkey", public, "--expires-in", "1h", "--scope", "service:tenant-admin")
    trial.save("ana.token", issued["token"] + "\n")
    as_ana = ("--url", trial.server.url, "--token-file", "ana.token")
    trial.run("session", "open", *as_ana, "--context", "admin", "--save", "ana.session", code=USAGE, says="give --key-file")
    as_ana += ("--key-file", "holder.key")
    trial.run("session", "open", *as_ana, "--as-context", "ana", code=USAGE, says="give --save")
    trial.run("session", "open", *as_ana, "--idle-timeout", "soon", code=USAGE, says="--idle-timeout must be a duration")
    trial.run("session", "open", *as_ana, "--lifetime", "2h", code=REFUSED, says=r"\(EXPIRES_AFTER_PARENT, request [^ ]+\)$")
    trial.run("session", "open", *as_ana[:-1], "openssl.key", code=REFUSED, says="session_signature")
    opened = trial.json("session", "open", *as_ana, "--label", "ana's shell", "--lifetime", "30m", "--idle-timeout", "5m", "--save",
                        "ana.session", "--as-context", "ana")
    trial.expect("what is shown of it", ("credential" in opened, opened["idle_timeout_seconds"]), (False, 300))
    path = trial.folder / "ana.session"
    trial.expect("mode of the session's file", path.stat().st_mode & 0o777, 0o600)
    text = path.read_text(encoding="ascii").strip()
    trial.secrets.append(text)
    trial.run("session", "open", *as_ana, "--save", "ana.session", code=INPUT_OUTPUT, says="it is there already")
    worth = trial.json("whoami")  # by the context that is current now
    trial.expect("who one is by it", (worth["token_id"], worth["session_id"], worth["tenant_id"]), (issued["token_id"], opened["session_id"], "acme"))
    trial.run("vm", "list", "--limit", "1")
    trial.run("token", "list", "--limit", "1")  # whose path has the tenant
    found = {each["session_id"]: (each["label"], each["current"]) for each in trial.json("session", "list")["sessions"]}
    trial.expect("the open ones", found, {opened["session_id"]: ("ana's shell", True)})
    trial.found("the list for people", "SESSION +SCOPE +TOKEN", trial.run("session", "list"))
    admins = trial.json("session", "list", "--context", "admin", "--tenant", "acme")["sessions"]
    trial.expect("the tenant's, for the administrator", [each["current"] for each in admins], [False])
    trial.run("session", "open", code=USAGE, says="give --key-file")
    trial.run("session", "open", "--key-file", "holder.key", code=REFUSED, says="A session opens no other")
    trial.run("whoami", text, code=USAGE, says="a secret on the command line can be seen")
    trial.run("session", "close", *as_ana, code=USAGE, says="say which session with --id, or --all")
    trial.run("session", "close")
    trial.run("vm", "list", code=REFUSED, says="session_ended")
    trial.run("whoami", code=REFUSED, says=r"does not accept this token \(session_ended\)")
    for number in range(2):
        trial.run("session", "open", *as_ana, "--save", f"again-{number}.session")
    one = trial.json("session", "list", *as_ana)["sessions"][0]["session_id"]
    trial.run("session", "close", *as_ana, "--id", one)
    trial.expect("how many were left", trial.json("session", "close", *as_ana, "--all"), {"closed": 1})
    trial.run("context", "use", "acme")
    trial.run("context", "remove", "ana")


def devices(trial):
    """A device is challenged by its administrator, and enrols, collects and renews with its own key and no context."""
    key = trial.run("key", "create", "node.key").strip()
    fingerprint = trial.run("key", "show", "node.key", "--form", "fingerprint").strip()
    device = ("--url", trial.server.url, "--key-file", "node.key")
    trial.run("device", "challenge", "node-1", "--subject-pubkey", key, "--scope", "READ", "--save", "challenge.json")
    trial.expect("mode of the challenge's file", (trial.folder / "challenge.json").stat().st_mode & 0o777, 0o600)
    trial.run("device", "enrol", "--challenge", "challenge.json", "--url", trial.server.url, code=USAGE, says="say with --key-file which key",
              environment={"XDG_CONFIG_HOME": str(trial.folder / "elsewhere")})
    trial.run("device", "enrol", "--challenge", "challenge.json", "--url", trial.server.url, "--key-file", "openssl.key", code=REFUSED,
              says=r"enrol_key_mismatch")
    enrolled = trial.json("device", "enrol", "--challenge", "challenge.json", "--expires-in", "2h", "--save", "node.token", *device)
    trial.expect("the device", (enrolled["device"]["state"], enrolled["device"]["fingerprint"], "token" in enrolled), ("enrolled", fingerprint, False))
    trial.secrets.append((trial.folder / "node.token").read_text().strip())
    trial.run("device", "enrol", "--challenge", "challenge.json", *device, code=REFUSED, says="enrol_nonce_unknown")
    own = (*device, "--token-file", "node.token")
    trial.run("vm", "list", *own)
    renewed = trial.json("device", "renew", "--expires-in", "1d", "--save", "renewed.token", *own)
    trial.secrets.append((trial.folder / "renewed.token").read_text().strip())
    trial.run("vm", "list", *own)  # until the new one is used
    trial.run("vm", "list", *device, "--token-file", "renewed.token")
    trial.expect("its current token", trial.json("device", "get", "node-1")["token_id"], renewed["token_id"])
    waiting = trial.json("device", "challenge", "node-2", "--subject-pubkey", key, "--require-approval")
    trial.save("waiting.json", json.dumps(waiting))
    pending = trial.json("device", "enrol", "--challenge", "waiting.json", "--save", "second.token", *device)
    trial.expect("what waits", (pending["device"]["state"], (trial.folder / "second.token").exists()), ("pending", False))
    trial.save("pending.json", json.dumps(pending))
    trial.expect("what still waits", trial.json("device", "enrol", "--challenge", "pending.json", *device)["device"]["state"], "pending")
    trial.run("device", "approve", "node-2", "--fingerprint", "SHA256:" + "A" * 43, code=REFUSED, says="is not that of the device's key")
    trial.expect("approved", trial.json("device", "approve", "node-2", "--fingerprint", fingerprint)["state"], "enrolled")
    collected = trial.json("device", "enrol", "--challenge", "pending.json", "--save", "second.token", *device)
    trial.expect("collected", collected["scope"], "service:vm-host")
    trial.secrets.append((trial.folder / "second.token").read_text().strip())
    trial.expect("devices", [each["device_id"] for each in trial.json("device", "list")["devices"]], ["node-1", "node-2"])
    trial.found("the table of devices", rf"^node-1 +enrolled +READ .*{re.escape(fingerprint)}", trial.run("device", "list").splitlines()[1])
    for name in ("node-1", "node-2"):
        trial.run("device", "remove", name)
    trial.run("vm", "list", *device, "--token-file", "renewed.token", code=REFUSED, says="UNAUTHENTICATED: device_revoked")
    trial.run("device", "get", "node-1", code=REFUSED, says=r"\(NOT_FOUND, request")
    trial.run("device", "challenge", "node/1", "--subject-pubkey", key, code=REFUSED, says="device_id must have 1 to 63 characters")
    trial.save("none.json", "{}")
    trial.run("device", "enrol", "--challenge", "none.json", *device, code=USAGE, says="the challenge has no nonce")


def machines(trial):
    vms = [trial.json("vm", "create", *SMALL_VM, "--name", f"web-{each}", "--port", "22", "--port", "53/udp")["vm_id"] for each in range(3)]
    trial.run("vm", "create", *SMALL_VM, code=REFUSED, says=r"\(QUOTA_EXCEEDED, request [^ ]+\)$")
    trial.run("vm", "create", *SMALL_VM, "--port", "0", code=USAGE, says='--port must be a port such as 22 or 53/udp, not "0"')
    trial.expect("VMs", sorted(each["vm_id"] for each in trial.json("vm", "list")["vms"]), sorted(vms))
    trial.expect("at most two", len(trial.json("vm", "list", "--limit", "2")["vms"]), 2)
    trial.expect("by name", [each["vm_id"] for each in trial.json("vm", "list", "--name", "web-1")["vms"]], [vms[1]])
    trial.expect("running", trial.json("vm", "list", "--state", "Running")["vms"], [])
    trial.found("one VM for people", rf"^vm_id +{vms[0]}$", trial.run("vm", "get", vms[0]).splitlines()[0])
    trial.run("vm", "stop", vms[0])
    trial.run("vm", "start", vms[0])
    trial.expect("a console that nobody has written to", trial.run("vm", "console", vms[0]), "")
    trial.run("vm", "reboot", vms[0], code=REFUSED, says=r"Only a running VM can be rebooted; .* \(CONFLICT, request")
    trial.expect("status", trial.json("status")["vms"], 3)
    for vm in vms:
        trial.run("vm", "delete", vm)
    trial.run("vm", "get", vms[0], code=REFUSED, says=r"\(NOT_FOUND, request")
    trial.run("vm", "get", "../tenants", code=REFUSED, says="NOT_FOUND|MALFORMED_REQUEST|INVALID_FIELD")


def published(trial, *arguments):
    """What a verb of the ledger prints once the publisher has come so far."""
    give_up = time.monotonic() + PUBLISHED_WITHIN_S
    while time.monotonic() < give_up:
        done = subprocess.run([trial.program, "ledger", *arguments], capture_output=True, text=True, cwd=trial.folder, check=False,
                              env={**trial.server.environment(), "HOME": str(trial.folder)})
        if done.returncode == OK:
            return done.stdout
        time.sleep(0.05)
    trial.faults.append(f"ledger {arguments}: {done.stderr}")
    return ""


def ledger(trial):
    entries = trial.json("ledger", "read", "--event-type", "TENANT_CREATED", "--limit", "1")["entries"]
    trial.expect("the first entry", [(each["seq"], each["type"]) for each in entries], [(0, "TENANT_CREATED")])
    named = trial.json("ledger", "read", "--tenant", "acme", "--from", "1", "--to", "3", "--order", "desc", "--context", "admin")
    trial.expect("entries by an administrator", [each["seq"] for each in named["entries"]], [2, 1])
    trial.found("the table", r"^0 +20\d\d-.*TENANT_CREATED +platform-admin", trial.run("ledger", "read", "--limit", "1").splitlines()[1])
    vkey = trial.json("tenant", "get", "acme")["ledger"]["vkey"]
    trial.found("the checkpoint", "/ledger/acme\n", published(trial, "checkpoint"))
    trial.save("entry.proof", published(trial, "prove", "0"))
    proven = subprocess.run([trial.server.program("service-fs"), "verify", "--proof", "entry.proof", "--vkey", vkey], cwd=trial.folder,
                            capture_output=True, env=trial.server.environment(), check=False)
    trial.expect("the proof by service-fs", proven.returncode, OK)


def offline(trial):
    """Narrowing, reading and verifying, with no server asked but for its keys."""
    order = ("--scope", "INPUT", "--expires-in", "10m", "--max-depth", "2", "--caveat", '{"method":["GET","POST"]}')
    trial.run("token", "mint", *order, "--new-key", "colleague.key", "--save", "colleague.token")
    chain = (trial.folder / "colleague.token").read_text().strip()
    trial.secrets.append(chain)
    theirs = ("--token-file", "colleague.token", "--key-file", "colleague.key")
    public = trial.run("key", "show", "holder.key").strip()
    last = trial.json("token", "mint", *theirs, "--scope", "READ", "--expires-in", "5m", "--subject-pubkey", public, shows_secret=True)["token"]
    trial.expect("its elements", (chain.count("~"), last.startswith(chain + "~")), (1, True))
    trial.save("last.token", last)
    trial.run("vm", "list", *theirs)
    trial.expect("links before one was told", wait_for(lambda: trial.json("token", "links")["links"], TOLD_WITHIN_S), True)
    trial.expect("the link, once it was used", [each["rid"] for each in trial.json("token", "links")["links"]],
                 [credential.rid_of(chain.partition("~")[2])])
    trial.expect("the chain by the server", len(trial.json("whoami", "--token-file", "last.token")["chain"]), 3)
    trial.run("vm", "create", *SMALL_VM, "--token-file", "last.token", code=REFUSED, says="INSUFFICIENT_SCOPE")
    opened = trial.json("token", "inspect", "--token-file", "last.token")
    trial.expect("what it says of itself", (opened["verified"], opened["fault"], [each["claims"]["scope"] for each in opened["elements"]]),
                 (False, None, ["service:tenant-admin", "INPUT", "READ"]))
    trial.found("the same for people", r"^NOT VERIFIED", trial.run("token", "inspect"))
    root = opened["elements"][0]["claims"]
    rules = ("--issuer", root["iss"], "--audience", root["aud"])
    worth = trial.json("token", "verify", "--token-file", "last.token", *rules)
    trial.expect("what it is worth", (worth["valid"], worth["scope"], worth["tenant_id"], worth["caveats"]),
                 (True, "READ", "acme", [{"method": ["GET", "POST"]}]))
    with urllib.request.urlopen(trial.server.url + "/.well-known/jwks.json", timeout=30) as answer:
        jwks = trial.save("jwks.json", answer.read().decode())
    trial.run("token", "verify", "--token-file", "last.token", *rules, "--jwks", jwks, environment={"CADASTRE_URL": "http://127.0.0.1:1"})
    trial.run("token", "verify", *rules, "--links-max", "0", "--token-file", "last.token", code=REFUSED, says=r"not valid: .*\(too_many_links\)")
    trial.run("token", "verify", "--issuer", "https://other.example", "--audience", root["aud"], code=REFUSED, says=r"\(bad_issuer\)")
    trial.save("forged.token", last[:-10] + "A" * 10)
    trial.run("token", "verify", "--token-file", "forged.token", *rules, code=REFUSED, says=r"\(signature_invalid|\(bad_base64url")
    for change, reason in ((("--scope", "service:platform-admin"), "widened:scope"), (("--expires-in", "2d"), "widened:exp"),
                           (("--tenant", "globex"), "widened:tid"), (("--max-depth", "3"), "widened:del_max_depth")):
        asked = {"--scope": "READ", "--expires-in": "1m", **dict([change])}
        arguments = [word for pair in asked.items() for word in pair]
        trial.run("token", "mint", *arguments, "--new-key", "never.key", code=REFUSED, says=rf"not minted: .*\({reason}\)")
    trial.run("token", "mint", "--scope", "READ", "--expires-in", "1m", "--new-key", "never.key", "--key-file", "openssl.key", code=REFUSED,
              says=r"\(signature_invalid\)")
    trial.run("token", "mint", "--token-file", "last.token", "--scope", "READ", "--expires-in", "1m", "--new-key", "never.key", code=REFUSED,
              says=r"\(delegation_not_allowed\)")
    trial.expect("a key for a token that was refused", (trial.folder / "never.key").exists(), False)


class Pages(http.server.BaseHTTPRequestHandler):
    """A server whose list has three pages, and whose other answers are no problem documents."""
    asked = []

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(path.query))
        self.asked.append(query)
        first = int(query.get("page_token", "0 &").split()[0])
        page = {"vms": [{"vm_id": f"vm-{first + each}"} for each in range(min(2, int(query["page_size"])))]}
        if first < 4:
            page["next_page_token"] = f"{first + 2} &"
        body = json.dumps(page).encode() if path.path == "/v1/vms" else b"<html>"
        self.send_response(200 if path.path == "/v1/vms" else 502)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is logged."""


def pages(trial):
    """Lists go on to their last page, or to their limit."""
    with http.server.HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = ("--url", f"http://127.0.0.1:{server.server_port}", "--token-file", "admin.token")
        trial.expect("all pages", [each["vm_id"] for each in trial.json("vm", "list", *at)["vms"]], [f"vm-{each}" for each in range(6)])
        trial.expect("how they are asked for", [query.get("page_token") for query in Pages.asked], [None, "2 &", "4 &"])
        Pages.asked.clear()
        trial.expect("three of them", len(trial.json("vm", "list", "--limit", "3", *at)["vms"]), 3)
        trial.expect("how many are asked for", [query["page_size"] for query in Pages.asked], ["3", "1"])
        server.shutdown()


def trouble(trial):
    token = ("--token-file", "admin.token")
    trial.run("vm", "list", "--url", "http://127.0.0.1:1", *token, code=INPUT_OUTPUT, says="127.0.0.1:1: Connection refused")
    trial.run("vm", "list", "--url", "nonsense", *token, code=USAGE, says="the URL nonsense must begin with http")
    trial.run("vm", "list", "--url", "http://cadastre.example", *token, code=USAGE, says="is not https, so others on the way could read the token")
    trial.run("vm", "list", "--url", "https://127.0.0.1:1", *token, "--ca-file", "nowhere", code=INPUT_OUTPUT, says="cannot read certificates from nowhere")
    trial.run("vm", "list", "--token-file", "nowhere", code=INPUT_OUTPUT, says="cannot read nowhere: No such file")
    trial.save("empty.token", "\n")
    trial.run("vm", "list", "--token-file", "empty.token", code=USAGE, says="there is no token in empty.token")
    trial.run("vm", "paint", code=USAGE, says="not expected: paint|subcommand is required")
    trial.run("vm", "list", "-o", "xml", code=USAGE, says="--output")
    trial.run(code=USAGE, says="A subcommand is required")
    trial.found("--help", "Exit codes: 0 ok, 1 refused, 2 usage, 3 input or output", trial.run("--help"))


def self_test(trial):
    report = trial.json("self-test", "--context", "admin")
    trial.expect("the self-test", (report["passed"], [each for each in report["steps"] if not each["passed"]], len(report["steps"])), (True, [], 10))
    trial.expect("what it leaves", [each["tenant_id"] for each in trial.json("tenant", "list", "--context", "admin")["tenants"]], ["acme"])
    done = subprocess.run([trial.program, "self-test"], capture_output=True, text=True, cwd=trial.folder, check=False,
                          env={**trial.server.environment(), "HOME": str(trial.folder)})
    trial.expect("a self-test by a tenant", (done.returncode, done.stdout.startswith("FAIL  register a tenant: ")), (REFUSED, True))


# What each shell does with a line: the script is read, its function called, and what it offers printed.
def run(server, folder):
    trial = Trial(server, folder)
    public = keys(trial)
    contexts(trial)
    tenants(trial)
    tokens(trial, public)
    proofs(trial, public)
    sessions(trial, public)
    devices(trial)
    machines(trial)
    fleet.run(trial)
    ledger(trial)
    offline(trial)
    pages(trial)
    trouble(trial)
    self_test(trial)
    revoking.run(trial, public)
    completing.run(trial)
    return trial.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as folder, Server(options.server, store=options.store) as server:
        faults = run(server, pathlib.Path(folder))
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
