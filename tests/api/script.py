"""Reads API scripts (tests/api/*.http): a list of requests with the answers they must get. README.md beside it explains the form."""
import dataclasses
import json
import re


@dataclasses.dataclass
class Exchange:
    """One request and the answer expected."""
    name: str
    line: int
    directives: dict
    request_line: str = ""
    request_headers: list = dataclasses.field(default_factory=list)
    request_body: str = ""
    status: int = 0
    headers: list = dataclasses.field(default_factory=list)
    body: str = ""


class ScriptError(Exception):
    """The script itself is wrong."""


STATUS_LINE = re.compile(r"HTTP (\d{3})(?: .*)?")
DIRECTIVE = re.compile(r"# @(\w+)\s*(.*)")
DIRECTIVES = {"raw", "repeat", "within"}


def parse(text):
    """All exchanges of a script, in order. Raises ScriptError."""
    exchanges = []
    blocks = re.split(r"^### *", text, flags=re.M)
    line = 1 + blocks[0].count("\n")
    for block in blocks[1:]:
        exchanges.append(parse_exchange(block, line))
        line += block.count("\n")
    return exchanges


def parse_exchange(block, line):
    lines = block.rstrip("\n").split("\n")
    exchange = Exchange(name=lines[0].strip(), line=line, directives={})
    at = 1
    while at < len(lines) and (lines[at].startswith("#") or not lines[at].strip()):
        found = DIRECTIVE.fullmatch(lines[at])
        if found:
            if found[1] not in DIRECTIVES:
                raise ScriptError(f"line {line + at}: unknown directive @{found[1]}")
            exchange.directives[found[1]] = found[2]
        at += 1
    answer = next((i for i in range(at, len(lines)) if STATUS_LINE.fullmatch(lines[i])), None)
    if at >= len(lines) or answer is None:
        raise ScriptError(f"line {line}: “{exchange.name}” needs a request and a line like HTTP 200")
    exchange.request_line = lines[at]
    exchange.request_headers, exchange.request_body = split_message(lines[at + 1:answer], line + at + 1)
    exchange.status = int(STATUS_LINE.fullmatch(lines[answer])[1])
    exchange.headers, exchange.body = split_message(lines[answer + 1:], line + answer + 1)
    return exchange


def split_message(lines, line):
    """Headers up to the first empty line as (name, value), and the text after it."""
    headers = []
    for at, text in enumerate(lines):
        if not text.strip():
            return headers, "\n".join(lines[at + 1:]).strip("\n")
        name, colon, value = text.partition(":")
        if not colon:
            raise ScriptError(f"line {line + at}: “{text}” is no header")
        headers.append((name, value.strip()))
    return headers, ""


PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}(?!\})")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
SHAPES = {"any": r".*", "some": r".+", "integer": r"-?\d+", "time": TIME, "uuid7": UUID7}


class Matcher:
    """Compares answers with expectations; keeps what `{{capture:NAME}}` saw in `variables`."""

    def __init__(self, variables):
        self.variables = variables

    def pattern(self, expected):
        """The expected text as a regular expression, and the names it captures in order of their groups."""
        out, names, end = "", [], 0
        for found in PLACEHOLDER.finditer(expected):
            out += re.escape(expected[end:found.start()])
            end = found.end()
            word, _, rest = found[1].partition(":")
            if word == "capture":
                names.append(rest)
                out += "(.+)"
            elif word == "match":
                out += f"(?:{rest})"
            elif word in SHAPES:
                out += SHAPES[word]
            elif found[1] in self.variables:
                out += re.escape(self.variables[found[1]])
            else:
                raise ScriptError(f"unknown {{{{{found[1]}}}}}")
        return out + re.escape(expected[end:]), names

    def text(self, expected, actual):
        """Whether a text is as expected."""
        pattern, names = self.pattern(expected)
        found = re.fullmatch(pattern, actual, re.S)
        if found:
            self.variables.update(zip(names, found.groups()))
        return bool(found)

    def json(self, expected, actual, pointer=""):
        """How a JSON value differs: members not named in an expected object may be there, arrays are compared whole."""
        if isinstance(expected, dict):
            return self.object(expected, actual, pointer)
        if isinstance(expected, list):
            return self.array(expected, actual, pointer)
        if isinstance(expected, str) and PLACEHOLDER.search(expected):
            return self.scalar(expected, actual, pointer)
        if type(expected) is type(actual) and expected == actual:
            return []
        return [f"{pointer or '/'}: expected {json.dumps(expected)}, got {json.dumps(actual)}"]

    def object(self, expected, actual, pointer):
        if not isinstance(actual, dict):
            return [f"{pointer or '/'}: expected an object, got {json.dumps(actual)}"]
        faults = []
        for name, value in expected.items():
            inner = f"{pointer}/{name}"
            if value == "{{absent}}":
                faults += [f"{inner}: must not be there"] if name in actual else []
            elif name not in actual:
                faults.append(f"{inner}: is missing")
            else:
                faults += self.json(value, actual[name], inner)
        return faults

    def array(self, expected, actual, pointer):
        if not isinstance(actual, list):
            return [f"{pointer or '/'}: expected an array, got {json.dumps(actual)}"]
        open_end = bool(expected) and expected[-1] == "{{more}}"
        wanted = expected[:-1] if open_end else expected
        if len(actual) < len(wanted) or (len(actual) > len(wanted) and not open_end):
            return [f"{pointer or '/'}: expected {len(wanted)} elements, got {json.dumps(actual)}"]
        return [fault for i, value in enumerate(wanted) for fault in self.json(value, actual[i], f"{pointer}/{i}")]

    def scalar(self, expected, actual, pointer):
        if expected == "{{any}}":
            return []
        if isinstance(actual, (dict, list)) or actual is None or isinstance(actual, bool):
            return [f"{pointer}: expected {expected}, got {json.dumps(actual)}"]
        is_number = expected == "{{integer}}"
        text = str(actual)
        if isinstance(actual, int) != is_number and not expected.startswith("{{capture:"):
            return [f"{pointer}: expected {expected}, got {json.dumps(actual)}"]
        return [] if self.text(expected, text) else [f"{pointer}: expected {expected}, got {json.dumps(actual)}"]
