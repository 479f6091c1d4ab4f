"""The reader and matcher of API scripts (tests/api/script.py)."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import script  # noqa: E402

TEXT = """# Words for people.

### the first
# a comment
# @repeat 10
POST /v1/vms
Authorization: Bearer {{admin}}

{"a":
 1}

HTTP 201 Created
ETag: "1"

{"b": 2}

### the second
GET /v1/vms

HTTP 200
"""


class Parsing(unittest.TestCase):
    def test_a_script_is_a_list_of_exchanges(self):
        first, second = script.parse(TEXT)
        self.assertEqual((first.name, first.line, first.directives), ("the first", 3, {"repeat": "10"}))
        self.assertEqual(first.request_line, "POST /v1/vms")
        self.assertEqual(first.request_headers, [("Authorization", "Bearer {{admin}}")])
        self.assertEqual(first.request_body, '{"a":\n 1}')
        self.assertEqual((first.status, first.headers, first.body), (201, [("ETag", '"1"')], '{"b": 2}'))
        self.assertEqual((second.name, second.line, second.status, second.body), ("the second", 17, 200, ""))

    def test_a_wrong_script_is_refused(self):
        for text in ("### no request\n", "### no answer\nGET /\n\n{}\n", "### a header\nGET /\nrubbish\n\nHTTP 200\n",
                     "### a directive\n# @unknown\nGET /\n\nHTTP 200\n"):
            with self.subTest(text), self.assertRaises(script.ScriptError):
                script.parse(text)


class Matching(unittest.TestCase):
    def match(self, expected, actual, variables=None):
        return not script.Matcher({} if variables is None else variables).json(expected, actual)

    def test_members_not_named_may_be_there(self):
        self.assertTrue(self.match({"a": 1}, {"a": 1, "b": 2}))
        self.assertFalse(self.match({"a": 1}, {"b": 1}))
        self.assertFalse(self.match({"a": 1}, {"a": 2}))
        self.assertFalse(self.match({"a": 1}, [1]))

    def test_absent_members_must_not(self):
        self.assertTrue(self.match({"a": "{{absent}}"}, {"b": 1}))
        self.assertFalse(self.match({"a": "{{absent}}"}, {"a": None}))

    def test_arrays_are_compared_whole_unless_more_may_come(self):
        self.assertTrue(self.match([1, 2], [1, 2]))
        self.assertFalse(self.match([1], [1, 2]))
        self.assertFalse(self.match([1, 2], [1]))
        self.assertTrue(self.match([1, "{{more}}"], [1, 2]))

    def test_types_are_not_mixed(self):
        self.assertFalse(self.match(1, True))
        self.assertFalse(self.match(1, "1"))
        self.assertFalse(self.match("{{integer}}", "1"))
        self.assertFalse(self.match("{{some}}", 1))
        self.assertFalse(self.match("{{some}}", None))
        self.assertTrue(self.match("{{any}}", None))

    def test_shapes(self):
        self.assertTrue(self.match("{{integer}}", -5))
        self.assertTrue(self.match("{{time}}", "2026-01-02T03:04:05.006Z"))
        self.assertFalse(self.match("{{time}}", "2026-01-02T03:04:05Z"))
        self.assertTrue(self.match("{{uuid7}}", "01890a5d-ac96-774b-bcce-b302099a8057"))
        self.assertFalse(self.match("{{uuid7}}", "01890a5d-ac96-474b-bcce-b302099a8057"))
        self.assertTrue(self.match("{{match:[a-c]+}}-x", "abc-x"))
        self.assertTrue(self.match("{{match:[a-c]{3}}}-x", "abc-x"))

    def test_what_is_captured_is_known_afterwards(self):
        variables = {}
        matcher = script.Matcher(variables)
        self.assertEqual(matcher.json({"id": "{{capture:id}}", "n": "{{capture:n}}"}, {"id": "x.y", "n": 7}), [])
        self.assertEqual(variables, {"id": "x.y", "n": "7"})
        self.assertTrue(matcher.text("/v1/{{id}}", "/v1/x.y"))
        self.assertFalse(matcher.text("/v1/{{id}}", "/v1/xzy"))

    def test_an_unknown_placeholder_is_an_error(self):
        with self.assertRaises(script.ScriptError):
            self.match("{{nobody}}", "x")


if __name__ == "__main__":
    unittest.main()
