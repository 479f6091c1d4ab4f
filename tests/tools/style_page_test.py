"""The examples of docs/STYLE.md section 10 are the code itself: every one is found, line for line, in the file it names.

A heading `**8. …** `src/a/b.h` and `.cpp`` names the files. A line `// …` in the block stands for code left out.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"^\*\*(?P<number>\d+)\. [^\n]*\n```cpp\n(?P<block>.*?)^```", re.S | re.M)
FILE = re.compile(r"`([\w/]*\.(?:h|cpp))`")


def files_of(heading):
    """The files a heading names; `.cpp` and `b.h` after a full path are taken beside it."""
    paths = []
    for name in FILE.findall(heading):
        if "/" in name:
            paths.append(pathlib.PurePosixPath(name))
        elif name.startswith("."):
            paths.append(paths[-1].with_suffix(name))
        else:
            paths.append(paths[-1].with_name(name))
    return paths


def bare(text):
    """A text without its layout."""
    return "".join(text.split())


def pieces_of(block):
    """The block in pieces parted by lines `// …`, each without layout."""
    return [piece for piece in map(bare, re.split(r"^\s*// …$", block, flags=re.M)) if piece]


class StylePage(unittest.TestCase):
    def test_every_example_is_code_of_ours(self):
        page = (ROOT / "docs" / "STYLE.md").read_text(encoding="utf-8")
        examples = list(EXAMPLE.finditer(page[page.index("## 10."):]))
        self.assertGreaterEqual(len(examples), 10)
        for example in examples:
            heading = example.group().splitlines()[0]
            with self.subTest(heading):
                paths = files_of(heading)
                self.assertTrue(paths, "names no file")
                sources = [bare((ROOT / path).read_text(encoding="utf-8")) for path in paths]
                for piece in pieces_of(example["block"]):
                    self.assertTrue(any(piece in source for source in sources), "is not there: " + piece)


if __name__ == "__main__":
    unittest.main()
