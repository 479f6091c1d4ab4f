#!/usr/bin/env python3
"""Wrong usage of the programs, and trouble of the machine: each is one sentence that says what to do, with the right exit status.

Usage: run.py --server PATH/service-vm-tenant
"""
import argparse
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from client import Client  # noqa: E402
from server import Server, free_port  # noqa: E402

FILE_LIMIT_KIB = 200
TENANT = {"display_name": "A", "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": 60}


class Trial:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.faults = []
        self.said = 0

    def run(self, program, *arguments):
        command = [self.server.program(program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=self.server.environment(), timeout=60,
                              check=False)

    def says(self, program, arguments, status, pattern):
        """The program ends with that status, and its error output has one line that the pattern is found in, and nothing else."""
        self.said += 1
        done = self.run(program, *[str(each) for each in arguments])
        lines = [line for line in done.stderr.splitlines() if not line.startswith("{") and line != "Run with --help for more information."]
        if done.returncode != status or len(lines) != 1 or not re.search(pattern, lines[0]):
            shown = " ".join(str(each) for each in arguments)
            self.faults.append(f"{program} {shown}: exit {done.returncode}, expected {status} and “{pattern}”:\n{done.stderr}")

    def starts(self, status, pattern, *arguments):
        self.says("service-vm-tenant", ["--listen", f"127.0.0.1:{free_port()}", *arguments], status, pattern)

    def copy(self, name):
        """A copy of the stopped server's data directory."""
        place = self.folder / name
        shutil.copytree(self.server.data_dir, place, ignore=shutil.ignore_patterns("control.sock"))
        return place


def settings(trial):
    tenant = "service-vm-tenant"
    for arguments, pattern in (
            (["frobnicate"], "not expected: frobnicate"),
            (["--lisen", "x"], "not expected: .*--lisen"),
            (["--listen"], "--listen"),
            (["--listen", "localhost:9221"], "setting listen must be an address in numbers and a port, such as 127.0.0.1:9221"),
            (["--listen", "127.0.0.1:99999"], "setting listen must be an address"),
            (["--listen", "192.0.2.1:9221"], "setting listen must be a loopback address, not .*: set tls-cert and tls-key, or insecure-listen"),
            (["--tls-cert", "x"], "setting tls-key must be set too"),
            (["--tls-client-ca", "x"], "setting tls-client-ca needs tls-cert and tls-key"),
            (["--threads", "x"], "--threads = x"),
            (["--threads", "1000"], "setting threads must be from 0 to 256"),
            (["--token-links-max", "9"], "setting token-links-max must be from 0 to 8"),
            (["--shared-pool", "../x"], "setting shared-pool must be a tenant's id"),
            (["--trusted-proxies", "10.0.0.0/33"], "setting trusted-proxies must be addresses and networks with commas between"),
            (["--trusted-proxies", "localhost"], "setting trusted-proxies must be addresses and networks with commas between"),
            (["--config", "nowhere.toml"], "cannot read nowhere.toml: File could not be opened for reading$"),
            (["--store", "postgres"], "setting store must be "),
            (["--public-url", "ftp://x"], "setting public-url must begin with http:// or https://"),
            (["--verify", "maybe"], "setting verify must be one of edge, full"),
            (["admin-token"], "--name is required"),
            (["admin-token", "--name", ""], "setting name must say whose token it is"),
            (["admin-token", "--name", "x", "--expires-in", "soon"], "setting expires-in must be a duration such as"),
            (["admin-token", "--name", "x", "--expires-in", "30s"], "setting expires-in must be from 60s to 90d"),
            (["admin-token", "--name", "x", "--expires-in", "91d"], "setting expires-in must be from 60s to 90d")):
        trial.says(tenant, ["--data-dir", "untouched", *arguments], 2, pattern)
    if (trial.folder / "untouched").exists():
        trial.faults.append("a wrong setting touched the data directory")
    trial.says(tenant, ["admin-token", "--name", "x", "--data-dir", "nothing"], 1, "nothing holds no keys yet: start the server once")
    default = trial.run(tenant, "--help").stdout
    if "127.0.0.1:9221" not in default:
        trial.faults.append("--help does not show the default address")


def service_fs(trial):
    fs, data = "service-fs", ["--data-dir", trial.server.data_dir]
    remote = ["--url", trial.server.url]
    for arguments, status, pattern in (
            ([], 2, "A subcommand is required"),
            (["paint"], 2, "not expected: paint|subcommand is required"),
            (["prove", *data], 2, "SEQ is required"),
            (["prove", "0", *data], 2, "say which log: --filter tenant-id=NAME"),
            (["read", "--data-dir", "nowhere"], 3, "there is no database at nowhere/cadastre.db: name the server's data directory"),
            (["read", "--log", "nobody", *data], 4, 'there is no log of "nobody"'),
            (["read", "--url", "nonsense"], 2, "--url must begin with http:// or https://"),
            (["read", "--url", "http://127.0.0.1:1"], 3, "127.0.0.1:1: Connection refused"),
            (["read", *remote], 3, "answers 401 .* give a token with --token-file or in CADASTRE_TOKEN"),
            (["read", *remote, "--token-file", "nowhere"], 2, "cannot read nowhere"),
            (["checkpoint", "--history", "--log", "acme", *remote], 2, "--history is read beside the server"),
            (["verify", "--proof", "x", "--vkey", "x"], 2, "--vkey must be a verifier key as `service-fs vkey` prints it"),
            (["verify", "--proof", "x"], 2, "--proof needs --vkey"),
            (["prove", "0", "--log", "platform", "--output", "/proc/x/y", *data], 3, "cannot write /proc/x/y"),
            (["export", "/proc/x", "--log", "platform", *data], 3, "cannot write /proc/x")):
        trial.says(fs, arguments, status, pattern)
    found = trial.run(fs, "read", "--event-type", "VM_CREATED", "--format", "table", *data)
    if (found.returncode, found.stdout) != (4, "no entry was found; that none matches is proven only with --complete\n"):
        trial.faults.append(f"a read without hits says: {found.stdout}")


def vectors(trial):
    for name, pattern in (("nowhere", "nowhere: the file cannot be read: CADASTRE_TOKEN_VECTORS names it"),
                          ("empty", "empty: the file has another form than expected")):
        (trial.folder / "empty").write_text("{}")
        done = subprocess.run([trial.server.program("token-vectors")], capture_output=True, text=True, cwd=trial.folder,
                              env={**trial.server.environment(), "CADASTRE_TOKEN_VECTORS": name}, check=False)
        if done.returncode != 2 or pattern not in done.stderr:
            trial.faults.append(f"token-vectors {name}: exit {done.returncode}: {done.stderr}")


def machine(trial):
    """While one server runs."""
    trial.says("service-vm-tenant", ["--listen", trial.server.address, "--data-dir", "second"], 1,
               f"cannot listen on 127.0.0.1 port {trial.server.port}, another program has it: stop that one, or choose another port")
    trial.starts(1, "is in use by another process, which holds its lock: stop that one", "--data-dir", trial.server.data_dir)
    (trial.folder / "file").write_text("")
    trial.starts(1, "cannot use the data directory .*file: Not a directory; make it a folder", "--data-dir", trial.folder / "file")
    trial.starts(1, "cannot use the data directory /proc/x: ", "--data-dir", "/proc/x")


def damage(trial):
    """Once it has stopped."""
    key = trial.copy("key")
    (key / "keys" / "token-issuer.key").write_text("rubbish\n")
    trial.starts(1, "key file .*token-issuer.key is damaged: it must hold 64 hex digits; put it back", "--data-dir", key)
    other = trial.copy("other")
    (other / "keys" / "ledger-master.key").write_text("01" * 32 + "\n")
    trial.starts(1, "is not one of this deployment's: keys/ledger-master.key is another", "--data-dir", other)
    base = trial.copy("base")
    (base / "cadastre.db").write_bytes(b"no database" * 1000)
    trial.starts(1, r"file is not a database .*; .*base/cadastre.db is damaged: restore it from a backup", "--data-dir", base)
    trial.says("service-fs", ["verify", "--data-dir", base], 3, "cadastre.db is damaged: restore it from a backup")
    marks = trial.copy("marks")
    with open(marks / "high-water", "a", encoding="ascii") as file:
        file.write("rubbish\n")
    trial.starts(1, r"high-water: line \d+ is not a high-water mark; put back the newest copy", "--data-dir", marks)
    newer = trial.copy("newer")
    database = sqlite3.connect(newer / "cadastre.db")
    database.execute("PRAGMA user_version=99")
    database.commit()
    database.close()
    trial.starts(1, "the database has schema 99, .* run that one, or restore a backup from before", "--data-dir", newer)


def full_disk(trial):
    """When no file can grow any more, changes answer 503 and are not kept, reads go on, and afterwards everything is sound."""
    full = Server(trial.server.binary, data_dir=trial.folder / "full")
    program = trial.folder / "limited"
    program.write_text(f'#!/bin/bash\nulimit -f {FILE_LIMIT_KIB}\nexec "{full.binary}" "$@"\n')
    program.chmod(0o755)
    binary, full.binary = full.binary, program
    full.start()
    client = Client(full)
    statuses = []
    while len(statuses) < 500 and 503 not in statuses:
        order = {**TENANT, "tenant_id": f"tenant-{len(statuses)}"}
        statuses.append(client.send("POST", "/v1/tenants", client.admin, order).status)
    made = statuses.count(201)
    if statuses[-1] != 503 or made != len(statuses) - 1:
        trial.faults.append(f"a full disk: {statuses}")
    seen = client.send("GET", "/v1/tenants?page_size=1000", client.admin).json["tenants"]
    if len(seen) != made:
        trial.faults.append(f"{made} tenants were made, {len(seen)} are there")
    full.stop()
    full.binary = binary
    with full:
        again = Client(full).send("GET", "/v1/tenants?page_size=1000", client.admin).json["tenants"]
        if len(again) != made:
            trial.faults.append(f"{made} tenants were made, {len(again)} are there after a start with room")
    verified = trial.run("service-fs", "verify", "--data-dir", full.data_dir)
    if verified.returncode != 0:
        trial.faults.append(f"service-fs verify after a full disk: {verified.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the service-vm-tenant program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as name:
        folder = pathlib.Path(name)
        with Server(options.server, data_dir=folder / "data") as server:
            trial = Trial(server, folder)
            settings(trial)
            service_fs(trial)
            vectors(trial)
            machine(trial)
        damage(trial)
        full_disk(trial)
    for fault in trial.faults:
        print(fault)
    print(f"{trial.said} sentences, {len(trial.faults)} faults")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
