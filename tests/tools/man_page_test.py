"""tools/man_page writes what the program says of itself, and notices a page that is out of date."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "man_page"


class ManPage(unittest.TestCase):
    def test_a_page_is_written_and_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            program, page = pathlib.Path(folder, "program"), pathlib.Path(folder, "page.1")
            program.write_text('#!/bin/sh\necho ".TH $1 1"\n', encoding="ascii")
            program.chmod(0o755)

            def tool(*options):
                return subprocess.run([sys.executable, TOOL, *options, program, page], capture_output=True, check=False).returncode

            self.assertEqual(tool("--check"), 1)
            self.assertEqual(tool(), 0)
            self.assertEqual(tool("--check"), 0)
            self.assertEqual(page.read_text(encoding="ascii"), ".TH man 1\n")
            page.write_text("older\n", encoding="ascii")
            self.assertEqual(tool("--check"), 1)


if __name__ == "__main__":
    unittest.main()
