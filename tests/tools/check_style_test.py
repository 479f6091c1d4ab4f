"""tools/check_style finds every kind of fault, and passes clean files."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_style"
HEADER = "// Says what it is for.\n#pragma once\n"

RIGHT = {
    "a clean header": ("src/domain/a.h", HEADER),
    "a header with two lines of opening": ("src/domain/a.h", "// Says what\n// it is for.\n#pragma once\n"),
    "the clock in base": ("src/base/time.cpp", "auto now = std::chrono::system_clock::now();\n"),
    "chance in base": ("src/base/random.cpp", "std::random_device device;\n"),
    "a rule named in a comment": ("src/http/a.cpp", "// never catch (...) here, no steady_clock::now\n"),
    "a rule named in a string": ("src/http/a.cpp", 'auto s = "catch (...)";\n'),
    "a rule named in a raw string": ("src/http/a.cpp", 'auto s = R"(\n"catch (...)\n)";\n'),
    "exactly as long as allowed": ("src/http/a.cpp", "int a;\n" * 500),
    "test data": ("tests/vectors/a.txt", "\tTODO\n"),
}

WRONG = {
    "too long": ("src/http/a.cpp", "int a;\n" * 501, 501),
    "swallowing": ("src/http/a.cpp", "try {\n} catch ( ... ) {\n}\n", 2),
    "swallowing in a test": ("src/http/a_test.cpp", "try {\n} catch (...) {\n}\n", 2),
    "unfinished": ("src/http/a.cpp", "int a;  // TODO: more\n", 1),
    "unfinished script": ("script/build", "# FIXME\n", 1),
    "the wall clock": ("src/http/a.cpp", "\nauto t = std::chrono::system_clock::now();\n", 2),
    "the steady clock": ("apps/p/main.cpp", "auto t = std::chrono::steady_clock::now();\n", 1),
    "sleeping": ("src/service/a.cpp", "std::this_thread::sleep_for(1s);\n", 1),
    "sleeping the C way": ("src/service/a.cpp", "::usleep(5);\n", 1),
    "chance": ("src/service/a.cpp", "std::random_device device;\n", 1),
    "after a comment with a quote": ("src/http/a.cpp", "// don't\nstd::random_device device;\n", 2),
    "a tab": ("src/http/a.cpp", "\tint a;\n", 1),
    "blanks at the end": ("src/http/a.cpp", "int a; \n", 1),
    "no pragma": ("src/http/a.h", "// Says what it is for.\n#ifndef A\n#endif\n", 1),
    "no opening": ("src/http/a.h", "#pragma once\n", 1),
    "no sentence": ("src/http/a.h", "// things\n\n#pragma once\n", 1),
}


def check(path, text):
    """Runs the tool over a tree of this one file; its exit status and output."""
    with tempfile.TemporaryDirectory() as root:
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


class CheckStyle(unittest.TestCase):
    def test_clean_files_pass(self):
        for name, (path, text) in RIGHT.items():
            with self.subTest(name):
                self.assertEqual(check(path, text), (0, ""))

    def test_each_fault_is_named(self):
        for name, (path, text, line) in WRONG.items():
            with self.subTest(name):
                status, output = check(path, text)
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:{line}: ", output)


if __name__ == "__main__":
    unittest.main()
