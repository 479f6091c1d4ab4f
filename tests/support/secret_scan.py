"""Looks for secrets in what a server leaves behind and says: its files, its database's, its log, its figures, its refusals (law 6 of
docs/DESIGN.md, docs/TOKENS.md section 15). What is found is named by its place and kind, and never shown."""
import base64
import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

TEXT_BYTES = 18  # of a JSON object's beginning: enough for the longest first name and what follows it
PIECE_BYTES_MIN = 10  # of a key: what is found by chance once in 2^80
SHAPE_BYTES_MAX = 256  # from its beginning, enough to know any of them
SMALL_BYTES = 2_000_000

# By what each begins with, because that is found fastest. A token is base64url of `{"alg":`, or of any other first name.
SHAPES = (
    (b"eyJ", re.compile(rb"eyJ[A-Za-z0-9_-]{21,}"), "the text of a token"),
    (b"cs_", re.compile(rb"cs_[a-z0-9-]{0,63}\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"), "a session's credential"),
    (b"-----BEGIN ", re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"), "a private key"),
    (b"uthorization: ", re.compile(rb"uthorization: *(?:[Bb]earer|BEARER|DPoP|[Bb]asic) +[A-Za-z0-9._~+/-]{16}"), "an Authorization field"),
)
JSON_BEGINNING = re.compile(rb'\{"[a-z_]{2,12}":')


class SecretFound(AssertionError):
    """Something secret lies where it must not."""


def is_shape(kind, text):
    """Three random letters make no token: the text must be that of a JSON object."""
    if kind != "the text of a token":
        return True
    return JSON_BEGINNING.match(base64.urlsafe_b64decode(text[:TEXT_BYTES * 4 // 3])) is not None


def shapes_in(content):
    """Offset and kind of everything in the bytes that is a secret by its looks."""
    for beginning, pattern, kind in SHAPES:
        at = content.find(beginning)
        while at >= 0:
            found = pattern.match(content, at)
            if found and is_shape(kind, found[0]):
                yield at, kind
            at = content.find(beginning, at + 1)


def expect_no_secret_in_refusal(where, status, *texts):
    """Every client of the tests asks this of every answer: fails when a refusal's body, or another part of it as text or bytes, holds a
    secret by its looks."""
    for text in texts if status >= 400 else ():
        for at, kind in shapes_in(text if isinstance(text, bytes) else text.encode("utf-8", "replace")):
            raise SecretFound(f"{where}: {kind} at byte {at}")


def spellings(seed):
    """A private key's 32 bytes as they could have been written down. Of the bytes themselves, the longest piece without a line's end."""
    standard = base64.b64encode(seed).rstrip(b"=")
    piece = max(re.split(rb"[\n\0]", seed), key=len)
    return {seed.hex().encode(), seed.hex().upper().encode(), standard, standard.translate(bytes.maketrans(b"+/", b"-_")),
            *([piece] if len(piece) >= PIECE_BYTES_MIN else [])}


def files_below(folder, but=()):
    """All regular files that are there now, without those named, which are paths."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if pathlib.Path(parent, name) not in but]
        yield from (path for path in (pathlib.Path(parent, name) for name in names) if path not in but and path.is_file())


class SecretScan:
    """What is looked for beside the shapes, and where something was found. A test whose secrets look like nothing adds them."""

    def __init__(self):
        self.known = {}  # bytes: kind
        self.found = {}  # (place, kind): the first offset

    def add(self, *texts, kind="a secret of this test"):
        """Texts that nobody else may have written down, each in one line and too long to be found by chance."""
        for text in (text.encode() if isinstance(text, str) else text for text in texts):
            if len(text) < PIECE_BYTES_MIN or b"\n" in text:
                raise ValueError(f"{kind} of {len(text)} bytes cannot be looked for")
            self.known[text] = kind

    def add_keys(self, folder):
        """The private keys that lie there, each as 64 hex digits. Those of before stay known."""
        for path in sorted(pathlib.Path(folder).glob("*.key")):
            try:
                seed = bytes.fromhex(path.read_text(encoding="ascii"))
            except (FileNotFoundError, ValueError):
                continue  # replaced this moment, or cut off as it was written
            if len(seed) == 32:
                self.add(*spellings(seed), kind=f"the private key {path.name}")

    def note(self, place, offset, kind):
        self.found.setdefault((str(place), kind), offset)

    def look_at(self, place, content):
        """Looks at bytes that came from somewhere."""
        for at, kind in shapes_in(content):
            self.note(place, at, kind)
        for text, kind in self.known.items():
            at = content.find(text)
            if at >= 0:
                self.note(place, at, kind)

    def look_at_files(self, paths, shown=str):
        """Looks at files, named in the report by what `shown` makes of their paths. Those that go away meanwhile are passed over."""
        for path, at, text in occurrences([*self.known, *(beginning for beginning, _, _ in SHAPES)], list(paths)):
            if text in self.known:
                self.note(shown(path), at, self.known[text])
                continue
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                file.seek(at)
                for offset, kind in shapes_in(file.read(SHAPE_BYTES_MAX)):
                    self.note(shown(path), at + offset, kind)

    def look_at_data(self, folder):
        """A server's data directory: all but the keys and the first token, which lie there to be used."""
        keys = folder / "keys"
        self.add_keys(keys)
        self.look_at_files(files_below(folder, but=(keys, folder / "admin.token", folder / "admin.token.new")), lambda path: path.relative_to(folder))

    def verdict(self):
        """Fails when anything was found since the last verdict."""
        found, self.found = self.found, {}
        if found:
            raise SecretFound("secrets where none may be:\n" + "".join(f"  {place}: {kind} at byte {at}\n" for (place, kind), at in found.items()))


def occurrences(texts, paths):
    """Path, offset and text wherever one of the texts is in a file. Much is left to grep, which goes through it once for all texts."""
    sizes = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    if sum(sizes) > SMALL_BYTES:
        yield from grep(texts, paths)
        return
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            content = path.read_bytes()
            for text in texts:
                at = content.find(text)
                while at >= 0:
                    yield path, at, text
                    at = content.find(text, at + 1)


def grep(texts, paths):
    """The same by grep, whose start costs more than a look at a few small files."""
    with tempfile.NamedTemporaryFile() as file:  # not as arguments, which every process may read
        file.write(b"\n".join(texts) + b"\n")
        file.flush()
        command = ["xargs", "--null", "grep", "--fixed-strings", "--text", "--only-matching", "--byte-offset", "--null", "--with-filename",
                   "--no-messages", f"--file={file.name}"]
        done = subprocess.run(command, input=b"\0".join(os.fsencode(path) for path in paths), capture_output=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    if done.returncode not in (0, 1, 123) or done.stderr:  # 123: some grep found nothing, or a file that had gone
        raise RuntimeError(f"grep: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    for line in done.stdout.split(b"\n"):
        name, separator, rest = line.partition(b"\0")
        if separator:
            at, _, text = rest.partition(b":")
            yield pathlib.Path(os.fsdecode(name)), int(at), text
