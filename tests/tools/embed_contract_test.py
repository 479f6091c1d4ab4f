"""tools/embed_contract writes C++ that holds the contract, and refuses a contract that a reader would take for another."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "embed_contract"
LONG = "“quotes\", back\\slashes and ünicode” " * 1000


def embed(contract):
    """Exit status, what was said, and the C++ written."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "openapi.yaml"), pathlib.Path(folder, "contract.cpp")
        source.write_text(contract, encoding="utf-8")
        done = subprocess.run([sys.executable, TOOL, source, target], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, target.read_text(encoding="utf-8") if target.exists() else ""


def value_of(code):
    """What the string literals of the C++ add up to."""
    text = b""
    for found in re.finditer(r'^    "((?:\\.|[^"\\])*)"sv,$', code, re.M):
        text += re.sub(rb"\\([0-7]{3}|.)", lambda escape: bytes([int(escape[1], 8)]) if len(escape[1]) == 3 else escape[1],
                       found[1].encode())
    return json.loads(text)


class EmbedContract(unittest.TestCase):
    def test_the_code_holds_the_contract(self):
        contract = {"openapi": "3.1.0", "info": {"description": LONG}, "x": {"$ref": "#/info"}}
        status, said, code = embed(json.dumps(contract))
        self.assertEqual((status, said), (0, ""))
        self.assertEqual(value_of(code), contract)
        self.assertLess(max(len(line) for line in code.splitlines()), 65536)

    def test_what_is_ambiguous_is_refused(self):
        for contract, said in [
            ("a: 1\na: 2\n", "a stands twice"),
            ("a: {$ref: '#/b'}\n", "#/b names nothing"),
            ("a: {b: one, two}\n", "#/a/two has no value"),
            ("a: [\n", "openapi.yaml"),
        ]:
            with self.subTest(contract=contract):
                status, error, code = embed(contract)
                self.assertEqual((status, code), (1, ""))
                self.assertIn(said, error)


if __name__ == "__main__":
    unittest.main()
