"""The guides: both languages run the same commands with the same rules, and the reader of the pages finds them."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "guide"))
import run  # noqa: E402

PAGE = """Words.

<!-- test:
status: 201*2 429
keep id: .id
-->
```sh
echo one
```

More words.

```json
{"id": "…"}
```

```sh
echo two
```
"""


class Guides(unittest.TestCase):
    def test_a_page_is_its_shell_blocks(self):
        first, second = run.steps_of(PAGE)
        self.assertEqual((first.commands, first.line), ("echo one\n", 8))
        self.assertEqual(first.rules, [("status", "201*2 429"), ("keep id", ".id")])
        self.assertEqual(first.answer, '{"id": "…"}\n')
        self.assertEqual((second.commands, second.rules, second.answer), ("echo two\n", [], ""))

    def test_statuses_may_be_multiplied(self):
        self.assertEqual(run.expected_statuses("201*2 429"), ["201", "201", "429"])

    def test_every_guide_has_a_twin_that_does_the_same(self):
        pages = sorted((ROOT / "docs" / "guide").glob("*.md"))
        english = [page for page in pages if not page.name.endswith(".es.md")]
        self.assertEqual(len(pages), 2 * len(english))
        for page in english:
            with self.subTest(page.name):
                twin = page.with_name(page.name.replace(".md", ".es.md"))
                def what_runs(path):
                    return [(s.commands, s.rules, s.answer) for s in run.steps_of(path.read_text(encoding="utf-8"))]
                self.assertTrue(what_runs(page))
                self.assertEqual(what_runs(page), what_runs(twin))


if __name__ == "__main__":
    unittest.main()
