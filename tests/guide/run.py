"""Runs every shell block of a guide, as it stands in the page, against the real server with real curl.

Usage: run.py --server PATH/service-vm-tenant [--store ENGINE] PAGE.md

The blocks marked `sh` run in order in one folder, where `var` is the server's data directory and `build/release/bin` holds the
programs; exported variables are kept. Neither the commands nor the address is changed: curl's configuration file leads
127.0.0.1:9221 to the port of the server under test, CADASTRE_URL leads `cadastre` there, and `service-vm-host` is led from
127.0.0.1:9203 to where the server listens to nodes. `<placeholders>` are filled with what was kept.

A page that says so in the comment `<!-- the test of this page: a user with a hypervisor -->` is followed by the ordinary user of
a libvirt session of its own (hypervisor.py), in a folder that has `tools/guest_image` and what that makes.

An HTML comment `<!-- test: … -->` just before a block says more, one line each:
  status: 201 429     the statuses curl must get, in order; `201*10` is ten of them; without it all must be below 400
  keep NAME: .token   fills <NAME> from now on with that member of the JSON printed; `output` is all that was printed
  output: REGEX       must be found in what was printed
  exit: 1             the block's exit status, 0 when not said

A `json` block after it is what must be printed, as JSON: members not shown may be there, `…` stands for any text.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path[1:1] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("support", "api")]
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402
from script import Matcher  # noqa: E402
from server import Server, add_arguments  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE_ADDRESS = "127.0.0.1:9221"
GUIDE_FLEET_ADDRESS = "127.0.0.1:9203"
STEP_ENDS_WITHIN_S = 300  # only so that a run ends: a guest may have to boot
NEEDS_HYPERVISOR = "<!-- the test of this page: a user with a hypervisor -->"
BLOCK = re.compile(r"(?:<!-- test:(?P<rules>.*?)-->\s*)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.S | re.M)


@dataclasses.dataclass
class Step:
    """One shell block and what is expected of it."""
    line: int
    commands: str
    rules: list
    answer: str = ""


def steps_of(page):
    """The shell blocks of a page, each with the rules before it and the JSON after it."""
    steps = []
    for found in BLOCK.finditer(page):
        if found["language"] == "sh":
            rules = [tuple(part.strip() for part in rule.split(":", 1)) for rule in (found["rules"] or "").splitlines() if ":" in rule]
            steps.append(Step(1 + page.count("\n", 0, found.start("text")), found["text"], rules))
        elif found["language"] == "json" and steps:
            steps[-1].answer = found["text"]
    return steps


def expected_statuses(text):
    """`201*10 429` as a list of eleven."""
    return [status for word in text.split() for status in [word.split("*")[0]] * int((word.split("*") + ["1"])[1])]


class Reader:
    """Somebody who follows the guide."""

    def __init__(self, server, folder):
        self.folder = folder
        self.kept = {}
        (folder / ".curlrc").write_text(
            f'connect-to = "{GUIDE_ADDRESS}:{server.address}"\nwrite-out = "%{{stderr}}http-status %{{http_code}}\\n"\n')
        self.link_programs(server, folder / "build" / "release" / "bin")
        (folder / "state").write_text("")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CURL_HOME": str(folder), "LC_ALL": "C.UTF-8",
                            "USER": "operator", **server.store.environment}

    def link_programs(self, server, programs):
        """All programs of the build. service-fs would take CADASTRE_URL for its own, so only `cadastre` gets it."""
        programs.mkdir(parents=True)
        led = {"cadastre": (f"CADASTRE_URL={server.url} ", '"$@"'),
               "service-vm-host": ("", f'"${{@/{GUIDE_FLEET_ADDRESS}/{server.fleet_address}}}"')}
        for program in server.binary.parent.iterdir():
            if program.name not in led:
                (programs / program.name).symlink_to(program)
                continue
            before, arguments = led[program.name]
            (programs / program.name).write_text(f'#!/bin/bash\n{before}exec "{self.reachable(program)}" {arguments}\n')
            (programs / program.name).chmod(0o755)

    def reachable(self, program):
        """Where the program lies for whoever follows the guide."""
        return program

    def as_user(self, command):
        """The command as a program of whoever follows the guide."""
        return command

    def fill(self, text):
        """The text with its placeholders filled; what is not known stays."""
        return re.sub(r"<([a-z-]+)>", lambda found: self.kept.get(found[1], found[0]), text)

    def run(self, step):
        """What is wrong with the step, and what it printed."""
        commands = self.fill(step.commands)
        program = f"set -euo pipefail\n. ./state\n{commands}\nexport -p >./state\n"
        done = subprocess.run(self.as_user(["bash", "-c", program]), cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              timeout=STEP_ENDS_WITHIN_S, check=False)
        statuses = re.findall(r"^http-status (\d+)$", done.stderr, re.M)
        faults = list(self.faults(step, done, statuses))
        return faults, f"{commands}\n{done.stdout}\n{done.stderr}\nexit {done.returncode}"

    def faults(self, step, done, statuses):
        rules = dict(step.rules)
        if re.search(r"<[a-z-]+>", self.fill(step.commands)):
            yield "a placeholder that nothing before it explains"
        if done.returncode != int(rules.get("exit", 0)):
            yield f"exit {done.returncode}"
        if "status" in rules and statuses != expected_statuses(rules["status"]):
            yield f"expected HTTP {rules['status']}, got {' '.join(statuses)}"
        if "status" not in rules and any(int(status) >= 400 for status in statuses):
            yield f"got HTTP {' '.join(statuses)}"
        for name, value in step.rules:
            if name == "output" and not re.search(self.fill(value), done.stdout):
                yield f"“{value}” was not printed"
            if name.startswith("keep "):
                yield from self.keep(name.removeprefix("keep "), value, done.stdout)
        if step.answer:
            yield from self.answer_faults(step.answer, done.stdout)

    def keep(self, name, where, printed):
        if where == "output":
            self.kept[name] = printed.strip()
            return
        try:
            self.kept[name] = json.loads(printed)[where.removeprefix(".")]
        except (ValueError, KeyError):
            yield f"no {where} in what was printed"

    def answer_faults(self, answer, printed):
        wanted = json.loads(self.fill(answer).replace("…", "{{match:.*}}"))
        try:
            actual = json.loads(printed)
        except ValueError:
            return ["what was printed is no JSON"]
        return Matcher({}).json(wanted, actual)


class MachineUser(Reader):
    """Somebody whose machine runs VMs: the user of a libvirt session."""

    def __init__(self, server, folder, session):
        self.session = session
        super().__init__(server, folder)
        self.environment |= {**session.environment, "PATH": f"{session.environment['PATH']}:{os.environ['PATH']}"}
        for name in ("tools", "build/guest"):
            (folder / name).mkdir(parents=True)
        shutil.copy2(ROOT / "tools" / "guest_image", folder / "tools")
        for path in session.bring_guest(ROOT / "build" / "guest"):  # newer than the tool, so that it has nothing to do
            path.rename(folder / "build" / "guest" / path.name)
        for path in (folder, *folder.iterdir(), folder / "build" / "guest", server.data_dir / "admin.token"):
            os.chown(path, session.user.pw_uid, session.user.pw_gid)

    def reachable(self, program):
        copy, = self.session.bring(program)
        return copy

    def as_user(self, command):
        return self.session.as_user(command)


@contextlib.contextmanager
def reader_of(page, options):
    """Whoever follows the page, with a server that runs."""
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(HypervisorSession()) if NEEDS_HYPERVISOR in page else None
        folder = session.work / "guide" if session else pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cadastre-guide-")))
        folder.mkdir(exist_ok=True)
        server = stack.enter_context(Server(options.server, data_dir=folder / "var", store=options.store))
        yield MachineUser(server, folder, session) if session else Reader(server, folder)


def follow(page_path, options):
    """The number of steps that did not go as the page says."""
    page = page_path.read_text(encoding="utf-8")
    steps = steps_of(page)
    failed = 0
    with reader_of(page, options) as reader:
        for step in steps:
            faults, shown = reader.run(step)
            if faults:
                failed += 1
                print(f"{page_path.name}:{step.line}:\n" + "".join(f"  {fault}\n" for fault in faults) + shown + "\n")
    print(f"{page_path.name}: {len(steps) - failed} of {len(steps)} blocks as written")
    return failed if steps else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("page", type=pathlib.Path)
    options = parser.parse_args()
    return 1 if follow(options.page, options) else 0


if __name__ == "__main__":
    in_reaped_family(main)
