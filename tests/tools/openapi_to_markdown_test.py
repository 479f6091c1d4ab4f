"""tools/openapi_to_markdown writes every call and shape, and notices a page that is out of date."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "openapi_to_markdown"

CONTRACT = """
openapi: 3.1.0
info: {title: A contract, version: '1', description: What it is.}
paths:
  /v1/vms/{vm_id}:
    parameters:
      - $ref: '#/components/parameters/vm_id'
    get:
      summary: Reads a VM.
      x-scope: READ
      responses:
        '404': {$ref: '#/components/responses/Missing', description: There is no such VM.}
        default: {$ref: '#/components/responses/Missing'}
        '200': {description: The VM., content: {application/json: {schema: {$ref: '#/components/schemas/Vm'}}}}
    patch:
      summary: Changes a VM.
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string, maxLength: 63}}}, example: {name: web}}}}
      responses: {'204': {description: Done.}}
components:
  responses:
    Missing: {description: Not there.}
  parameters:
    vm_id: {name: vm_id, in: path, required: true, description: Which., schema: {type: string, format: uuid}}
  schemas:
    Vm:
      description: A machine.
      required: [vm_id]
      properties:
        vm_id: {type: string, description: Its name.}
        state: {enum: [Running, Stopped]}
        error: {type: [string, 'null']}
    Problem:
      allOf: [{$ref: '#/components/schemas/Vm'}]
"""

EXPECTED = [
    "# A contract", "What it is.", "### GET /v1/vms/{vm_id}", "Reads a VM.", "Scope at least: `READ`.",
    "| 404 |  | There is no such VM. |", "Also: [default](#missing).", "### Missing", "Not there.", '{"name": "web"}',
    "| `vm_id` | path | string (uuid) | Which. |", "| 200 | [Vm](#vm) | The VM. |",
    "### PATCH /v1/vms/{vm_id}", "Body, `application/json`: object", "| `name` | string |  | (0 to 63 characters) |", "| 204 |  | Done. |",
    "### Vm", "A machine.", "| `vm_id` | string | required | Its name. |", "| `state` | `Running` \\| `Stopped` |  |  |",
    "| `error` | string or null |  |  |", "### Problem",
]


class OpenapiToMarkdown(unittest.TestCase):
    def test_a_page_is_written_and_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            contract, page = pathlib.Path(folder, "openapi.yaml"), pathlib.Path(folder, "api.md")
            contract.write_text(CONTRACT, encoding="utf-8")

            def tool(*options):
                return subprocess.run([sys.executable, TOOL, *options, contract, page], capture_output=True, check=False).returncode

            self.assertEqual(tool("--check"), 1)
            self.assertEqual(tool(), 0)
            self.assertEqual(tool("--check"), 0)
            lines = page.read_text(encoding="utf-8").splitlines()
            self.assertEqual([line for line in EXPECTED if line not in lines], [])
            page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
            self.assertEqual(tool("--check"), 1)


if __name__ == "__main__":
    unittest.main()
