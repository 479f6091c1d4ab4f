#!/usr/bin/env python3
"""Tokens, links and DPoP proofs between the real server and jose (github.com/panva/jose), which shares no code with it: what either makes,
the other reads. Once for each name of the algorithm that the server can sign under.

Usage: run.py --server PROGRAM [--store ENGINE] [--jose FOLDER] (cadastre lies beside it)

`--jose` is the package's folder: Debian's by default, or what `npm pack jose@VERSION` holds.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from server import Server, add_arguments  # noqa: E402

JOSE = pathlib.Path("/usr/share/nodejs/jose")  # Debian's node-jose
ALGORITHMS = ("EdDSA", "Ed25519")
ENDED_WITHIN_S = 300


def lay_out(folder, jose):
    """The program's files in a folder where `import … from 'jose'` finds that package: Node looks for it beside the file."""
    for each in HERE.glob("*.mjs"):
        shutil.copy(each, folder)
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "jose").symlink_to(jose.resolve())


def run(server, folder, algorithm):
    """Whether all was as it should be."""
    settings = {"url": server.url, "adminToken": server.admin_token, "audience": "cadastre:local", "algorithm": algorithm,
                "command": str(server.program("cadastre"))}
    environment = {**server.environment(), "TMPDIR": str(folder), "NODE_NO_WARNINGS": "1"}  # Node 18 calls its fetch experimental
    done = subprocess.run(["node", "main.mjs"], cwd=folder, env=environment, input=json.dumps(settings), text=True,
                          timeout=ENDED_WITHIN_S, check=False)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--jose", type=pathlib.Path, default=JOSE, help="the folder of the jose package")
    options = parser.parse_args()
    if not shutil.which("node") or not (options.jose / "package.json").is_file():
        print(f"node and {options.jose} are needed: script/setup installs both (nodejs, node-jose)")
        return 1
    sound = []
    for algorithm in ALGORITHMS:
        with tempfile.TemporaryDirectory(prefix="cadastre-interop-") as name:
            lay_out(pathlib.Path(name), options.jose)
            with Server(options.server, arguments=["--token-alg-name", algorithm], store=options.store) as server:
                sound.append(run(server, pathlib.Path(name), algorithm))
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
