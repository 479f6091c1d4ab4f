#!/usr/bin/env python3
"""Removes each check of the token room, one at a time, and says which of them no test misses.

Usage: run.py --work FOLDER [--jobs N] [--only NUMBER ...]

Every statement of src/token that refuses is compiled with a switch before it, all in one program, so that there is one build and then one run of
the unit tests and of the vectors for each check. A check that can go without a test failing is printed with its place, and the exit code is 1.
Checks whose absence changes nothing that anybody could see are listed below, each with the reason.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# By the text of the statement and why nothing can tell that it is gone.
EQUIVALENT = {}
STATEMENT = re.compile(r"\breturn (?:fault|fault_about|refused|refuse|refuse_member|std::unexpected)\(|\bTRY\(check_\w+\(")
SWITCH = "#pragma once\n#include <cstdlib>\n\nnamespace cadastre {\n/// Which check is removed; 0: none.\ninline const int removed_check = std::atoi(std::getenv(\"REMOVED_CHECK\"));\n}  // namespace cadastre\n"
TEST_WITHIN_S = 120


class Check:
    def __init__(self, number, path, line, text):
        self.number, self.path, self.line, self.text = number, path, line, text

    def __str__(self):
        return f"{self.number}: {self.path}:{self.line}: {self.text}"


def end_of(text, at):
    """Past the semicolon of the statement that begins at `at`; strings and parentheses are stepped over."""
    depth, i = 0, at
    while i < len(text):
        c = text[i]
        if c == '"':
            i += 1
            while text[i] != '"':
                i += 2 if text[i] == "\\" else 1
        elif c == "'" and text[i + 2:i + 3] == "'":
            i += 2
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == ";" and depth == 0:
            return i + 1
        i += 1
    raise ValueError(f"no end of {text[at:at + 60]!r}")


def is_statement(text, at):
    """Whether what begins at `at` stands where a statement does: the rest of an initialisation is none."""
    before = text[:at].rstrip()
    return before[-1] in ";{})" or before.endswith("else")


def is_last(text, start, end):
    """Whether a function ends behind it, which then has nothing else to answer."""
    in_one_line = not text[text.rfind("\n", 0, start) + 1].isspace() and text[end:].lstrip(" ").startswith("}")
    return in_one_line or re.match(r"\s*\n\}", text[end:]) is not None


def switched(path, text, checks):
    """The same file with a switch before each check, which is added to `checks`."""
    out, at = [], 0
    for found in STATEMENT.finditer(text):
        start = found.start()
        if start < at or text.rfind("//", text.rfind("\n", 0, start) + 1, start) >= 0 or not is_statement(text, start):
            continue
        end = end_of(text, start)
        if is_last(text, start, end):
            continue
        check = Check(len(checks) + 1, path, text.count("\n", 0, start) + 1, " ".join(text[start:end].split()))
        checks.append(check)
        out += [text[at:start], f"if (removed_check != {check.number}) {text[start:end]}"]
        at = end
    return "".join(out) + text[at:]


def prepare(work):
    """A tree with the switches, and the checks in it."""
    tree, checks = work / "tree", []
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    shutil.rmtree(tree, ignore_errors=True)
    for name in filter(None, names):
        source, target = ROOT / name, tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("src/token/") and name.endswith(".cpp") and "_test" not in name:
            text = switched(name, source.read_text(encoding="utf-8"), checks)
            first = text.index("#include")
            target.write_text(text[:first] + '#include "token/removed_check.h"\n' + text[first:], encoding="utf-8")
        elif source.is_file():
            shutil.copy2(source, target)
    (tree / "src/token/removed_check.h").write_text(SWITCH, encoding="utf-8")
    return tree, checks


def build(tree, jobs):
    flags = "-Wno-dangling-else -Wno-unused -Wno-unused-result -Wno-error"
    subprocess.run(["cmake", "--preset", "release", f"-DCMAKE_CXX_FLAGS={flags}"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release", "--parallel", str(jobs), "--target", "token_test", "token-vectors"], cwd=tree, check=True)
    return tree / "build/release/bin"


def passes(programs, number):
    """Whether all tests pass with that check removed. A crash or a run without end is a failure too."""
    environment = {**os.environ, "REMOVED_CHECK": str(number)}
    for program in ("token-vectors", "token_test"):
        try:
            done = subprocess.run([programs / program], env=environment, capture_output=True, timeout=TEST_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            return False
        if done.returncode != 0:
            return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="where the changed tree is built")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", type=int, nargs="*", help="numbers of checks")
    options = parser.parse_args()
    tree, checks = prepare(options.work.resolve())
    programs = build(tree, options.jobs)
    if not passes(programs, 0):
        print("the tests fail with every check in its place")
        return 2
    tried = [check for check in checks if not options.only or check.number in options.only]
    missed = [check for check in tried if passes(programs, check.number) and check.text not in EQUIVALENT]
    for check in missed:
        print(f"nothing misses {check}")
    print(f"{len(tried)} checks removed one at a time, {len(missed)} not missed, {len(EQUIVALENT)} known to make no difference")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
