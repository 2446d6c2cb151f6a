"""GitHub's published description of its REST API: finds an operation, checks what is sent and answered, fills in
what a test does not care about.

    description().operation("GET", "/repos/{owner}/{repo}/pulls").answer_errors(200, [...])
    description().fill("issue-comment", {"id": 1, "body": "..."})     # a complete, valid representation
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from tests.github.npm import node_modules

MISSING: Any = object()
FORMATS = {"date-time": "2026-01-01T00:00:00Z", "uri": "http://127.0.0.1/", "email": "nobody@example.com"}


@lru_cache
def description() -> Description:
    """The description of api.github.com, read once a process."""
    file = node_modules() / "@octokit/openapi/generated/api.github.com.json"
    return Description(orjson.loads(file.read_bytes()))


@dataclass
class Description:
    document: dict[str, Any]
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict)

    def operation(self, method: str, template: str) -> Operation:
        """Raises KeyError for what GitHub does not have."""
        key = (method.lower(), template)
        if key not in self._operations:
            self._operations[key] = Operation(self, self.document["paths"][template][method.lower()])
        return self._operations[key]

    def resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        """Follow `$ref`."""
        while "$ref" in part:
            target: Any = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def validator(self, schema: dict[str, Any]) -> jsonschema_rs.Draft4Validator:
        """OpenAPI 3.0's schema as JSON Schema: `nullable` becomes the type null, referenced schemas come along."""
        definitions: dict[str, Any] = {}

        def plain(part: Any) -> Any:
            if isinstance(part, list):
                return [plain(entry) for entry in part]
            if not isinstance(part, dict):
                return part
            if isinstance(part.get("$ref"), str):
                name = part["$ref"].removeprefix("#/components/schemas/")
                if name not in definitions:
                    definitions[name] = {}
                    definitions[name] = plain(self.resolve(part))
                return {"$ref": f"#/definitions/{name}"}
            kept = {
                k: plain(v)
                for k, v in part.items()
                if k not in ("example", "examples", "default", "nullable")
            }
            if part.get("nullable") is True:
                return {"anyOf": [kept, {"type": "null"}]}
            return kept

        body = plain(schema)
        return jsonschema_rs.Draft4Validator(
            {"allOf": [body], "definitions": definitions}, validate_formats=True
        )

    def fill(self, name: str, known: dict[str, Any]) -> dict[str, Any]:
        """An instance of components/schemas/NAME: what is known, and something valid for the rest it requires."""
        return self._fill({"$ref": f"#/components/schemas/{name}"}, known)

    def _fill(self, schema: dict[str, Any], known: Any = MISSING) -> Any:
        schema = self.resolve(schema)
        if known is None or (known is MISSING and schema.get("nullable")):
            return None
        parts = schema.get("allOf") or [(schema.get("oneOf") or schema.get("anyOf") or [schema])[0]]
        if parts != [schema] and "properties" not in schema:
            filled = [self._fill(part, known) for part in parts]
            return filled[0] if len(filled) == 1 else {k: v for part in filled for k, v in part.items()}
        if isinstance(known, list):
            return [self._fill(schema.get("items", {}), entry) for entry in known]
        if known is not MISSING and not isinstance(known, dict):
            return known
        kind = schema.get("type")
        if kind == "object" or isinstance(known, dict) or "properties" in schema:
            known = {} if known is MISSING else known
            properties = schema.get("properties", {})
            names = [*known, *(n for n in schema.get("required", ()) if n not in known)]
            return {n: self._fill(properties.get(n, {}), known.get(n, MISSING)) for n in names}
        if "enum" in schema:
            return schema["enum"][0]
        simple = {"integer": 0, "number": 0, "boolean": False, "array": []}
        return simple[kind] if kind in simple else FORMATS.get(schema.get("format", ""), "")


@dataclass
class Operation:
    description: Description
    spec: dict[str, Any]
    _validators: dict[Any, Any] = field(default_factory=dict)

    @property
    def queries(self) -> dict[str, dict[str, Any]]:
        """The query parameters by name."""
        found = (self.description.resolve(p) for p in self.spec.get("parameters", ()))
        return {p["name"]: p for p in found if p["in"] == "query"}

    def request_errors(self, query: dict[str, str], body: Any) -> list[str]:
        """What is wrong with a request; a name that the description does not have counts as wrong."""
        errors = [f"query parameter {name} is unknown" for name in query if name not in self.queries]
        for name, parameter in self.queries.items():
            if name in query:
                errors += self._check(
                    ("query", name), parameter["schema"], _typed(query[name], parameter["schema"])
                )
            elif parameter.get("required"):
                errors.append(f"query parameter {name} is missing")
        content = self.description.resolve(self.spec.get("requestBody") or {}).get("content", {})
        if "application/json" not in content:
            return errors
        schema = content["application/json"]["schema"]
        if body is None:
            required = self.spec["requestBody"].get("required")
            return [*errors, "the body is missing"] if required else errors
        known = self.description.resolve(schema).get("properties", {})
        errors += [f"field {name} is unknown" for name in body if known and name not in known]
        return errors + self._check("body", schema, body)

    def answer_errors(self, status: int, body: Any) -> list[str]:
        """What is wrong with our own answer."""
        if str(status) not in self.spec["responses"]:
            return [f"GitHub does not answer {status} here"] if status < 400 else []
        answer = self.description.resolve(self.spec["responses"][str(status)])
        content = answer.get("content", {}).get("application/json")
        if content is None:
            return [] if body is None else [f"an answer {status} has no body here"]
        return self._check(status, content["schema"], body)

    def _check(self, key: Any, schema: dict[str, Any], value: Any) -> list[str]:
        if key not in self._validators:
            self._validators[key] = self.description.validator(schema)
        return [
            f"{'/'.join(map(str, e.instance_path))}: {e.message}"
            for e in self._validators[key].iter_errors(value)
        ]


def _typed(text: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "integer" and text.lstrip("-").isdigit():
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
