"""Holds answers to the contract that the server hands out at /openapi.json."""
import dataclasses
import json
import re

VERBS = ("get", "post", "put", "patch", "delete")
# What any HTTP answer may carry without the contract saying so.
COMMON_HEADERS = {"date", "content-length", "content-type", "connection", "allow"}
ANNOTATIONS = {"description", "example", "default", "format"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


class ContractError(Exception):
    """The contract itself says something this reader does not know."""


@dataclasses.dataclass
class Operation:
    """One call of the contract."""
    name: str
    method: str
    path: str
    scope: str
    responses: dict
    pattern: re.Pattern


def is_type(value, name):
    """Whether a JSON value has a type of JSON Schema; true is no integer."""
    if name not in TYPES:
        raise ContractError(f"type {name}")
    return isinstance(value, TYPES[name]) and (isinstance(value, bool) == (name == "boolean"))


class Schemas:
    """Checks values against the contract's schemas: the part of JSON Schema 2020-12 that the contract uses. Any other keyword is
    a ContractError, so that none is passed over."""

    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        """The node, or what its $ref names."""
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def faults(self, schema, value, pointer=""):
        """What is wrong with the value, as sentences."""
        found = []
        for keyword, rule in schema.items():
            if keyword in ANNOTATIONS or keyword.startswith("x-"):
                continue
            check = getattr(self, "check_" + keyword.strip("$"), None)
            if check is None:
                raise ContractError(f"keyword {keyword}")
            found += [f"{pointer or '/'}: {fault}" if not fault.startswith("/") else fault
                      for fault in check(rule, value, schema, pointer)]
        return found

    def check_ref(self, rule, value, _, pointer):
        return self.faults(self.resolve({"$ref": rule}), value, pointer)

    def check_type(self, rule, value, *_):
        names = rule if isinstance(rule, list) else [rule]
        return [] if any(is_type(value, name) for name in names) else [f"{value!r} is no {' or '.join(names)}"]

    def check_const(self, rule, value, *_):
        return [] if value == rule and type(value) is type(rule) else [f"{value!r} is not {rule!r}"]

    def check_enum(self, rule, value, *_):
        return [] if value in rule else [f"{value!r} is not among {rule}"]

    def check_pattern(self, rule, value, *_):
        return [f"{value!r} is not of the form {rule}"] if isinstance(value, str) and not re.search(rule, value) else []

    def check_minimum(self, rule, value, *_):
        return [f"{value} is below {rule}"] if is_type(value, "integer") and value < rule else []

    def check_maximum(self, rule, value, *_):
        return [f"{value} is above {rule}"] if is_type(value, "integer") and value > rule else []

    def check_minLength(self, rule, value, *_):
        return [f"{value!r} is too short"] if isinstance(value, str) and len(value) < rule else []

    def check_maxLength(self, rule, value, *_):
        return [f"{value!r} is too long"] if isinstance(value, str) and len(value) > rule else []

    def check_minItems(self, rule, value, *_):
        return ["too few elements"] if isinstance(value, list) and len(value) < rule else []

    def check_maxItems(self, rule, value, *_):
        return ["too many elements"] if isinstance(value, list) and len(value) > rule else []

    def check_minProperties(self, rule, value, *_):
        return ["too few members"] if isinstance(value, dict) and len(value) < rule else []

    def check_maxProperties(self, rule, value, *_):
        return ["too many members"] if isinstance(value, dict) and len(value) > rule else []

    def check_items(self, rule, value, _, pointer):
        elements = value if isinstance(value, list) else []
        return [fault for at, element in enumerate(elements) for fault in self.faults(rule, element, f"{pointer}/{at}")]

    def check_required(self, rule, value, *_):
        return [f"{name} is missing" for name in rule if isinstance(value, dict) and name not in value]

    def check_properties(self, rule, value, _, pointer):
        members = value if isinstance(value, dict) else {}
        return [fault for name, inner in rule.items() if name in members
                for fault in self.faults(inner, members[name], f"{pointer}/{name}")]

    def check_additionalProperties(self, rule, value, schema, _):
        if rule is not False:
            raise ContractError("additionalProperties other than false")
        members = value if isinstance(value, dict) else {}
        return [f"{name} is not in the contract" for name in members if name not in schema.get("properties", {})]

    def check_oneOf(self, rule, value, _, pointer):
        fitting = sum(not self.faults(each, value, pointer) for each in rule)
        return [] if fitting == 1 else [f"{value!r} fits {fitting} of the {len(rule)} forms"]


class Contract:
    """The operations, and whether an answer is one that an operation may give."""

    def __init__(self, document):
        self.schemas = Schemas(document)
        self.operations = [self.operation_of(verb, path, item)
                           for path, item in document["paths"].items() for verb in VERBS if verb in item]

    def operation_of(self, verb, path, item):
        operation = item[verb]
        parameters = [self.schemas.resolve(each) for each in item.get("parameters", []) + operation.get("parameters", [])]
        many = {each["name"] for each in parameters if each.get("x-many-segments")}
        pattern = "".join((".+" if part[1:-1] in many else "[^/]+") if part.startswith("{") else re.escape(part)
                          for part in re.split(r"(\{\w+\})", path))
        return Operation(operation["operationId"], verb.upper(), path, operation["x-scope"], operation["responses"],
                         re.compile(pattern))

    def find(self, method, path):
        """The operation that answers, or None. A path without variables goes before one with."""
        fitting = [each for each in self.operations
                   if each.method == ("GET" if method == "HEAD" else method) and each.pattern.fullmatch(path)]
        return min(fitting, key=lambda each: each.path.count("{"), default=None)

    def faults(self, method, target, answer, body):
        """What the contract does not allow in an answer: `answer` as http.client gives it, `body` its bytes."""
        operation = self.find(method, target.partition("?")[0])
        if operation is None:
            return self.problem_faults(answer, body)
        allowed = operation.responses.get(str(answer.status)) or operation.responses["default"]
        allowed = self.schemas.resolve(allowed)
        found = list(self.header_faults(allowed.get("headers", {}), answer))
        if method != "HEAD":
            found += self.body_faults(allowed.get("content", {}), answer, body)
        return [f"{operation.name} {answer.status}: {fault}" for fault in found]

    def problem_faults(self, answer, body):
        """What is wrong with a refusal that belongs to no operation."""
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        return [f"{answer.status}: {fault}" for fault in self.body_faults(content, answer, body)]

    def header_faults(self, allowed, answer):
        known = {name.lower() for name in allowed} | COMMON_HEADERS
        for name in answer.headers.keys():
            if name.lower() not in known:
                yield f"header {name} is not in the contract"
        for name, reference in allowed.items():
            header = self.schemas.resolve(reference)
            values = answer.headers.get_all(name) or []
            if header.get("required") and not values:
                yield f"header {name} is missing"
            if len(values) > 1:
                yield f"header {name} stands {len(values)} times"
            for value in values:
                yield from (f"header {name}: {fault}" for fault in self.schemas.faults(header["schema"], value))

    def body_faults(self, allowed, answer, body):
        if not allowed:
            return ["a body where there is none"] if body else []
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        if kind not in allowed:
            return [f"Content-Type {kind} is not among {list(allowed)}"]
        schema = allowed[kind].get("schema", {})
        if not kind.endswith("json"):
            return []
        try:
            value = json.loads(body)
        except ValueError:
            return ["the body is not JSON"]
        return self.schemas.faults(schema, value)
