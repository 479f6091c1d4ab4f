#!/usr/bin/env python3
"""service-fs reading from a running server over HTTP, as an administrator of the platform and as one tenant.

Usage: remote.py --server PROGRAM (service-fs lies beside it)
"""
import argparse
import json
import pathlib
import secrets
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from client import Client  # noqa: E402
from server import Server, add_arguments  # noqa: E402

PUBLISHED_WITHIN_S = 20
VMS = 5
OK, FAILED, USAGE, INPUT_OUTPUT, NO_MATCH = range(5)


class Reader:
    """Somebody with a token, in a folder of their own."""

    def __init__(self, trial, token):
        self.trial = trial
        self.token = token
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=trial.folder))
        (self.folder / "token").write_text(token + "\n", encoding="ascii")

    def command(self, arguments):
        server = self.trial.server
        return [server.program("service-fs"), *arguments.split(), "--url", server.url]

    def run(self, arguments, code=OK, by="file"):
        """What the program prints, its token given in a file, in the environment or not at all."""
        environment = self.trial.server.environment()
        if by == "environment":
            environment["CADASTRE_TOKEN"] = self.token
        named = ["--token-file", self.folder / "token"] if by == "file" else []
        done = subprocess.run([*self.command(arguments), *named], capture_output=True, text=True, cwd=self.folder, env=environment,
                              timeout=60, check=False)
        self.trial.expect(f"exit of service-fs {arguments}: {done.stderr}", done.returncode, code)
        for name, text in (("output", done.stdout), ("errors", done.stderr)):
            self.trial.expect(f"the token in the {name} of service-fs {arguments}", self.token in text, False)
        return done

    def lines(self, arguments, **more):
        return [json.loads(line) for line in self.run(arguments, **more).stdout.splitlines()]


class Trial:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.client = Client(server)
        self.faults = []
        self.vkeys = {}
        key = credential.b64url(credential.public_key_of(secrets.token_bytes(32)))
        for name in ("acme", "globex"):
            self.client.make_tenant(name)
        self.acme = self.client.issue("acme", key)
        self.globex = self.client.issue("globex", key, "READ")
        for _ in range(VMS):
            self.make_vm()

    def make_vm(self):
        order = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1}
        return self.client.send("POST", "/v1/vms", self.acme["token"], order, expect=201).json["vm_id"]

    def size(self):
        """How many entries acme's log has: some are of the administrator's reads, at most one a minute."""
        newest = self.client.send("GET", "/v1/ledger/entries?order=desc&page_size=1", self.acme["token"], expect=200)
        return newest.json["entries"][0]["seq"] + 1

    def expect(self, what, actual, expected):
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def wait_published(self):
        """Until acme's checkpoint covers what is there now."""
        size = self.size()
        give_up = time.monotonic() + PUBLISHED_WITHIN_S
        while time.monotonic() < give_up:
            answer = self.client.send("GET", "/v1/ledger/checkpoint", self.acme["token"])
            if answer.status == 200 and int(answer.body.splitlines()[1]) >= size:
                return
            time.sleep(0.02)
        raise RuntimeError("the entries are not published")


def read(trial, reader, log):
    created = reader.lines(f"read {log} --event-type TENANT_CREATED --limit 1")
    trial.expect("the entry", [created[0]["tenant_id"], created[0]["seq"], created[0]["proof"]["status"]], ["acme", 0, "included"])
    everything = reader.lines(f"read {log} --complete --order desc --from 2 --to {1 + VMS}", by="environment")
    trial.expect("entries in order", [line.get("seq") for line in everything[:-1]], [*range(1 + VMS, 1, -1)])
    trial.expect("what is proven", (everything[-1]["proven"]["complete"], everything[-1]["proven"]["matches"]), (True, VMS))
    reader.run(f"read {log} --event-type VM_DELETED", code=NO_MATCH)
    table = reader.run(f"read {log} --format table --filter request-id=none", code=NO_MATCH)
    trial.expect("a table without entries", table.stdout.startswith("no entry was found"), True)


def verify(trial, reader, log):
    for extent in ("", "--full", "--edge", "--from 1 --to 2"):
        found = reader.lines(f"verify {log} {extent}")
        trial.expect(f"verify {extent}", [(line["tenant_id"], line["holds"]) for line in found], [("acme", True)])
    wrong = trial.vkeys["globex"]
    reader.run(f"verify {log} --vkey {wrong}", code=FAILED)


def prove(trial, reader, log):
    reader.run(f"prove 1 {log} --output entry.proof")
    proven = subprocess.run([trial.server.program("service-fs"), "verify", "--proof", "entry.proof", "--vkey", trial.vkeys["acme"]],
                            capture_output=True, text=True, cwd=reader.folder, env=trial.server.environment(), check=False)
    trial.expect("a proof checked offline", (proven.returncode, json.loads(proven.stdout)["seq"]), (OK, 1))
    reader.run(f"prove 1000 {log}", code=NO_MATCH)


def checkpoint(trial, reader, log):
    note = reader.run(f"checkpoint {log}").stdout
    trial.expect("the checkpoint's origin", note.splitlines()[0].endswith("/ledger/acme"), True)
    (reader.folder / "older").write_text(note, encoding="utf-8")
    reader.run(f"verify {log} --checkpoint older")
    (reader.folder / "forged").write_text(forged(trial, note), encoding="utf-8")
    reader.run(f"verify {log} --checkpoint forged", code=FAILED)


def forged(trial, note):
    """The checkpoint, signed with the token issuer's key under the name and the key hash of the log's (TOKENS.md 17, item 17)."""
    text, _, lines = note.rpartition("\n\n")
    _, name, signature = lines.splitlines()[0].split(" ")  # the first is of the log's present key
    seed = credential.seed_of(trial.server.data_dir, "token-issuer")
    signed = credential.sign(seed, (text + "\n").encode())
    return f"{text}\n\n— {name} {credential.b64(credential.unb64(signature)[:4] + signed)}\n"


def export(trial, reader, log):
    reader.run(f"export {log} tiles")
    trial.expect("what is exported", sorted(path.name for path in (reader.folder / "tiles").iterdir()), ["checkpoint", "tile", "vkey"])
    trial.expect("the key in it", (reader.folder / "tiles" / "vkey").read_text().strip(), trial.vkeys["acme"])
    reader.run(f"export {log} --format jsonl lines")
    lines = [path for path in (reader.folder / "lines").iterdir() if path.name not in ("checkpoint", "vkey")]
    entries = [line for path in lines for line in path.read_text().splitlines() if line.startswith("{")]
    trial.expect("exported entries", [json.loads(line)["seq"] for line in entries][:2 + VMS], [*range(2 + VMS)])
    reader.run(f"export {log} tiles", code=USAGE)


def tail(trial, reader, log):
    """Entries come while it follows, and a second run goes on where the first ended."""
    reader.lines(f"tail {log} --limit 2 --state state")
    environment = {**trial.server.environment(), "CADASTRE_TOKEN": reader.token}
    with subprocess.Popen([*reader.command(f"tail -f {log} --state state --publish-interval-ms 20")], stdout=subprocess.PIPE,
                          text=True, cwd=reader.folder, env=environment) as following:
        vm_id = trial.make_vm()
        while (entry := json.loads(following.stdout.readline()))["type"] == "LEDGER_READ":
            pass
        trial.expect("the entry that came", (entry["type"], entry["data"]["vm_id"]), ("VM_CREATED", vm_id))
        following.send_signal(signal.SIGTERM)
        trial.expect("exit of tail -f", following.wait(30), OK)
    vm_id = trial.make_vm()
    trial.wait_published()
    since = [entry["data"]["vm_id"] for entry in reader.lines(f"tail {log} --state state") if entry["type"] != "LEDGER_READ"]
    trial.expect("what came since", since, [vm_id])


def tenant(trial):
    """A tenant's token reads its own log, whether it is named or not, and no other."""
    reader = Reader(trial, trial.acme["token"])
    for log in ("", "--log acme", "--filter tenant-id=acme"):
        trial.expect(f"vkey {log}", [line["vkey"] for line in reader.lines(f"vkey {log}")], [trial.vkeys["acme"]])
    every_verb(trial, reader, "")
    for log in ("globex", "nobody"):
        for verb in ("read", "verify", "prove 0", "checkpoint", "tail", "vkey"):
            refused = reader.run(f"{verb} --log {log}", code=INPUT_OUTPUT)
            trial.expect(f"{verb} of {log}'s log", ("answers 403" in refused.stderr, "another tenant" in refused.stderr, refused.stdout),
                         (True, True, ""))
    refused = reader.run("export --log globex other", code=INPUT_OUTPUT)
    trial.expect("an export of globex's log", "answers 403" in refused.stderr, True)


def administrator(trial):
    """The platform's token reads every tenant's log; the platform's own needs its key, which no server tells."""
    reader = Reader(trial, trial.server.admin_token)
    every_verb(trial, reader, "--log acme")
    every = reader.run("verify")
    trial.expect("every log", [json.loads(line)["tenant_id"] for line in every.stdout.splitlines()], ["acme", "globex"])
    trial.expect("which is left out", "the platform's own log is left out" in every.stderr, True)
    refused = reader.run("read --log platform", code=NO_MATCH)
    trial.expect("what to do", "service-fs vkey --log platform" in refused.stderr, True)
    here = subprocess.run([trial.server.program("service-fs"), "vkey", "--log", "platform", "--data-dir", trial.server.data_dir, *trial.server.store.arguments],
                          capture_output=True, text=True, env=trial.server.environment(), check=True)
    vkey = json.loads(here.stdout)["vkey"]
    own = reader.lines(f"read --log platform --vkey {vkey} --limit 1")
    trial.expect("the platform's first entry", (own[0]["seq"], own[0]["tenant_id"]), (0, None))
    reader.run(f"verify --log platform --vkey {vkey}")
    reader.run("read --log nobody", code=NO_MATCH)


def every_verb(trial, reader, log):
    trial.wait_published()
    read(trial, reader, log)
    verify(trial, reader, log)
    prove(trial, reader, log)
    checkpoint(trial, reader, log)
    export(trial, reader, log)
    tail(trial, reader, log)


def strangers(trial):
    """Without a good token nothing is read, and the reason is said."""
    reader = Reader(trial, trial.acme["token"][:-20] + "A" * 20)
    trial.expect("a forged token", "answers 401" in reader.run("read", code=INPUT_OUTPUT).stderr, True)
    trial.expect("no token", "answers 401" in reader.run("read", code=INPUT_OUTPUT, by="nothing").stderr, True)


def run(server, folder):
    trial = Trial(server, folder)
    for name in ("acme", "globex"):
        record = trial.client.send("GET", f"/v1/tenants/{name}", trial.client.admin, expect=200).json
        trial.vkeys[name] = record["ledger"]["vkey"]
    tenant(trial)
    administrator(trial)
    strangers(trial)
    return trial.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(options.server, store=options.store) as server:
        faults = run(server, folder)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
