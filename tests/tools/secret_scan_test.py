"""What tests/support/secret_scan.py finds in what a server leaves, and what it passes over; and that a server's test fails by it."""
import base64
import hashlib
import json
import pathlib
import secrets
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from secret_scan import SecretFound, SecretScan, expect_no_secret_in_refusal, files_below, shapes_in, spellings  # noqa: E402
from server import Server  # noqa: E402


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(header, payload):
    return ".".join([b64url(json.dumps(header).encode()), b64url(json.dumps(payload, separators=(",", ":")).encode()), "A" * 86])


CAPABILITY = token({"alg": "EdDSA", "kid": "A" * 43, "typ": "cadastre-cap+jwt"}, {"aud": "cadastre:test"})
PAYLOAD = CAPABILITY.split(".")[1]
CREDENTIAL = f"cs_acme-corp.{'B' * 22}.{'C' * 43}"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"
SEED = hashlib.sha256(b"a seed with no end of a line, and no zero").digest()

SECRET = {
    "a token": (CAPABILITY, "the text of a token"),
    "one whose members stand otherwise": (token({"typ": "dpop+jwt", "alg": "EdDSA"}, {}), "the text of a token"),
    "its payload alone": (PAYLOAD + " ", "the text of a token"),
    "a session's credential": (CREDENTIAL, "a session's credential"),
    "the platform's": (CREDENTIAL.replace("acme-corp", ""), "a session's credential"),
    "a browser's cookie": (f"__Host-cadastre-session={CREDENTIAL}; Path=/", "a session's credential"),
    "a private key": (PEM, "a private key"),
    "one of another kind": (PEM.replace("PRIVATE", "OPENSSH PRIVATE"), "a private key"),
    "a header field": ("authorization: Bearer " + "a" * 16, "an Authorization field"),
}
HARMLESS = {
    "a public key": PEM.replace("PRIVATE", "PUBLIC"),
    "a digest with a token's first letters": "eyJ" + b64url(bytes(range(30))),
    "a cut-off token": CAPABILITY[:20],
    "a session's id": CREDENTIAL.rpartition(".")[0],
    "a word that ends alike": "specs_done.txt",
    "how to send a token": "Send a token: Authorization: Bearer <token>.",
    "how to take one from its file": "curl -H 'Authorization: Bearer $(cat var/admin.token)'",
    "a page's name": "eyJ0ZW5hbnQiOj",
}


class ShapesTest(unittest.TestCase):
    def test_finds_every_secret_and_says_where(self):
        for name, (text, kind) in SECRET.items():
            with self.subTest(name):
                content = b"\0\xff" * 10 + text.encode() + b"\0"
                self.assertIn(kind, [found for _, found in shapes_in(content)])
                offset = next(at for at, found in shapes_in(content) if found == kind)
                self.assertGreaterEqual(offset, 20)
                with self.assertRaises(SecretFound) as raised:
                    expect_no_secret_in_refusal("GET /v1/vms", 401, b"{}", text)
                self.assertNotIn(text, str(raised.exception))

    def test_passes_over_what_is_none(self):
        for name, text in HARMLESS.items():
            with self.subTest(name):
                self.assertEqual(list(shapes_in(text.encode())), [])
                expect_no_secret_in_refusal(name, 401, text, text.encode())

    def test_an_answer_that_is_no_refusal_may_hold_a_token(self):
        expect_no_secret_in_refusal("POST /v1/tokens", 201, CAPABILITY)


class FilesTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name, "data")
        (self.folder / "keys").mkdir(parents=True)
        (self.folder / "keys" / "token-issuer.key").write_text(SEED.hex() + "\n", encoding="ascii")
        (self.folder / "ledger").mkdir()
        self.scan = SecretScan()
        self.scan.add_keys(self.folder / "keys")

    def found(self):
        """What the verdict says, by both ways of looking; nothing when all is well."""
        files = list(files_below(self.folder, but=(self.folder / "keys",)))
        few = self.verdict(files)
        with unittest.mock.patch("secret_scan.SMALL_BYTES", -1):
            self.assertEqual(self.verdict(files), few)
        return few

    def verdict(self, files):
        self.scan.look_at_files(files, lambda path: path.relative_to(self.folder))
        try:
            self.scan.verdict()
        except SecretFound as found:
            return "\n".join(sorted(str(found).splitlines(keepends=True)))
        return ""

    def test_a_clean_folder(self):
        (self.folder / "register.db").write_bytes(secrets.token_bytes(200_000) + hashlib.sha256(SEED).hexdigest().encode())
        self.assertEqual(self.found(), "")

    def test_a_planted_key_in_every_spelling(self):
        spelt = spellings(SEED)
        self.assertEqual(len(spelt), 5)
        for text in [*spelt, SEED]:
            with self.subTest(text):
                (self.folder / "ledger" / "tile").write_bytes(b"x" * 4000 + text)
                self.assertIn("  ledger/tile: the private key token-issuer.key at byte 4000\n", self.found())

    def test_a_key_with_an_end_of_a_line_in_it(self):
        seed = b"\n\0" + SEED[:14] + b"\n" + SEED[14:29]
        self.scan.add(*spellings(seed), kind="another key")
        (self.folder / "register.db-wal").write_bytes(seed)
        self.assertIn("register.db-wal: another key at byte 17", self.found())

    def test_a_planted_token_and_a_secret_of_the_test(self):
        self.scan.add("csrf-of-this-test")
        (self.folder / "register.db").write_bytes(b"\0" * 100 + CAPABILITY.encode())
        (self.folder / "a name with spaces").write_text("csrf-of-this-test", encoding="ascii")
        said = self.found()
        self.assertIn("register.db: the text of a token at byte 100", said)
        self.assertIn("a name with spaces: a secret of this test at byte 0", said)
        self.assertNotIn("eyJ", said)
        self.assertEqual(self.found() != "", True)  # it is still there
        self.assertEqual(SecretScan().verdict(), None)

    def test_what_cannot_be_looked_for(self):
        for text in ("", "short", "two lines\nof a secret"):
            with self.assertRaises(ValueError):
                self.scan.add(text)

    def test_a_key_that_was_replaced_stays_known(self):
        (self.folder / "keys" / "token-issuer.key").write_text("0" * 64 + "\n", encoding="ascii")
        self.scan.add_keys(self.folder / "keys")
        (self.folder / "register.db").write_bytes(SEED)
        self.assertIn("token-issuer.key", self.found())


# Stands in for the server: says yes to /readyz, and leaks one thing at one place.
LEAKY = f"""\
#!{sys.executable}
import http.server, pathlib, sys
place, secret = __PLANTED__
folder = pathlib.Path(sys.argv[sys.argv.index("--data-dir") + 1])
(folder / "keys").mkdir(parents=True, exist_ok=True)
(folder / "keys" / "token-issuer.key").write_text({SEED.hex()!r})
(folder / "admin.token").write_text({CAPABILITY!r})
if place == "log":
    print(secret, flush=True)
elif place != "/metrics":
    (folder / place).write_text(secret)

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = secret.encode() if self.path == place else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

host, _, port = sys.argv[sys.argv.index("--listen") + 1].partition(":")
with http.server.HTTPServer((host, int(port)), Pages) as server:
    server.serve_forever()
"""


class ServerTest(unittest.TestCase):
    """The scan as every system test has it, on a program that leaks."""

    def said(self, place, secret, end="stop"):
        """What the end of a server says that leaks the secret at that place."""
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "service-vm-tenant")
            program.write_text(LEAKY.replace("__PLANTED__", repr((place, secret))), encoding="utf-8")
            program.chmod(0o755)
            server = Server(program, pathlib.Path(folder, "data"))
            server.data_dir.mkdir()
            server.start()
            getattr(server, end)()
            try:
                server.clean()
            except SecretFound as found:
                return str(found)
        return ""

    def test_every_place_is_searched(self):
        for place, shown, secret, kind in (("log", "the log", CAPABILITY, "the text of a token"),
                                           ("/metrics", "/metrics", SEED.hex(), "the private key token-issuer.key"),
                                           ("register.db-wal", "register.db-wal", CREDENTIAL, "a session's credential"),
                                           ("x", "x", PEM, "a private key")):
            with self.subTest(place):
                said = self.said(place, secret)
                self.assertIn(f"  {shown}: {kind} at byte 0\n", said)
                self.assertNotIn(secret, said)

    def test_one_that_is_killed_too(self):
        self.assertIn("the log: the text of a token", self.said("log", CAPABILITY, "kill"))

    def test_one_that_leaks_nothing(self):
        self.assertEqual(self.said("x", "nothing"), "")


if __name__ == "__main__":
    unittest.main()
