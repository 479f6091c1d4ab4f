#!/usr/bin/env python3
"""script/server, as somebody uses it who stops and starts it over days: the token it names always works.

Usage: server.py --server PROGRAM. The script runs in a tree of its own, whose script/build has nothing to do.
"""
import argparse
import os
import pathlib
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import credential  # noqa: E402
from client import Client  # noqa: E402
from secret_scan import SecretScan  # noqa: E402
from server import free_port  # noqa: E402

STOPPED_WITHIN_S = 60
DAY_S = 24 * 3600


class Tree:
    """A checkout as far as script/server looks at it."""

    def __init__(self, folder, program):
        self.folder = pathlib.Path(folder)
        (self.folder / "script").mkdir()
        shutil.copy2(ROOT / "script" / "server", self.folder / "script" / "server")
        (self.folder / "script" / "build").write_text("#!/bin/sh\n")
        (self.folder / "script" / "build").chmod(0o755)
        (self.folder / "build" / "release").mkdir(parents=True)
        (self.folder / "build" / "release" / "bin").symlink_to(program.parent)
        self.program = program
        self.faults = []
        self.scan = SecretScan()

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("CADASTRE_")}

    def expect(self, what, actual, expected):
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def start_and_stop(self, what, data_dir="var", arguments=()):
        """One run until it says how to stop it. The token it names must be good; answers it."""
        port = free_port()
        with subprocess.Popen([self.folder / "script" / "server", "--listen", f"127.0.0.1:{port}", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment()) as process:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Stop with"):
                    break
            else:
                self.faults.append(f"{what}: it did not start: {''.join(said)}")
                return None
            self.expect(f"{what}: what it says", [f"{data_dir}/admin.token" in line for line in said[-3:-1]], [True, True])
            token = self.check_token(what, self.folder / data_dir / "admin.token", port)
            self.expect(f"{what}: the token in what it says", any(token in line for line in said), False)
            again = subprocess.run([self.folder / "script" / "server", "--listen", f"127.0.0.1:{port}"], text=True, capture_output=True,
                                   env=self.environment(), check=False)
            self.expect(f"{what}: a second one at the same place", (again.returncode, again.stdout, "answers on" in again.stderr),
                        (1, "", True))
            process.terminate()
            self.expect(f"{what}: exit", process.wait(STOPPED_WITHIN_S), 0)
        self.scan.look_at(f"{what}: what it says", "".join(said).encode())
        self.scan.look_at_data(self.folder / data_dir)
        return token

    def check_token(self, what, path, port):
        self.expect(f"{what}: mode of admin.token", oct(stat.S_IMODE(path.stat().st_mode)), "0o600")
        token = path.read_text(encoding="ascii").strip()
        client = Client(types.SimpleNamespace(port=port, admin_token=token))
        self.expect(f"{what}: the token", client.send("GET", "/v1/tenants", token).status, 200)
        return token

    def admin_token(self, life):
        return subprocess.run([self.program, "admin-token", "--name", "somebody", "--expires-in", life, "--data-dir",
                               self.folder / "var"], capture_output=True, text=True, check=True, env=self.environment()).stdout

    def write(self, text):
        (self.folder / "var" / "admin.token").write_text(text)

    def life_left(self, token):
        return credential.claims_of(token)["exp"] - time.time()


def run(tree):
    first = tree.start_and_stop("the first start")
    tree.expect("a token with life left", tree.start_and_stop("the second start"), first)

    tree.write(tree.admin_token("60s"))
    renewed = tree.start_and_stop("a token about to expire")
    tree.expect("the life of the new one", DAY_S - 60 < tree.life_left(renewed) <= DAY_S, True)

    now = int(time.time())
    tree.write(credential.changed(renewed, credential.seed_of(tree.folder / "var", "token-issuer"), iat=now - 7200, exp=now - 3600))
    after = tree.start_and_stop("an expired token")
    tree.expect("the life of the one after", DAY_S - 60 < tree.life_left(after) <= DAY_S, True)

    for what, text in (("no token", ""), ("rubbish", "rubbish\n"), ("half a token", first[:60] + "\n")):
        tree.write(text)
        tree.start_and_stop(what)
    (tree.folder / "var" / "admin.token").unlink()
    tree.start_and_stop("a deleted token")

    (tree.folder / "var" / "keys" / "token-issuer.key").write_text(secrets.token_hex(32) + "\n")
    tree.start_and_stop("a replaced issuer key")

    other = str(tree.folder / "other")
    tree.start_and_stop("another data directory", other, ["--data-dir", other])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, type=lambda text: pathlib.Path(text).resolve(), help="the service-vm-tenant program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as folder:
        tree = Tree(folder, options.server)
        run(tree)
    tree.scan.verdict()
    for fault in tree.faults:
        print(fault)
    print(f"{len(tree.faults)} faults")
    return 1 if tree.faults else 0


if __name__ == "__main__":
    sys.exit(main())
