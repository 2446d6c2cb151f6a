"""The interface as a person and a program read it: /schema and /openapi.json."""

from __future__ import annotations

from typing import Any

from .bodies import CSV, JSON
from .model import Model

_JSON_TYPES = {
    "float": {"type": "number"},
    "integer": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "description": "ISO 8601; UTC where it names no zone"},
}


def schema(model: Model) -> dict[str, Any]:
    """Inputs with type, categories and the range seen in training; outputs; an example request."""
    inputs = [
        {
            "name": column["name"],
            "type": column["kind"],
            "required": not column["nullable"],
            **{key: column[key] for key in ("categories", "minimum", "maximum") if key in column},
        }
        for column in model.schema["features"]
    ]
    return {
        "task": model.schema["task"],
        "inputs": inputs,
        "unseen_categories": model.schema["unseen_categories"],
        "outputs": [{"name": name, "type": kind["type"]} for name, kind in _outputs(model).items()],
        "labels": model.labels,
        "example": {"dataframe_split": model.example},
    }


def _outputs(model: Model) -> dict[str, dict[str, Any]]:
    label = {bool: "boolean", int: "integer", str: "string"}
    kind = label[type(model.labels[0])] if model.labels else "number"
    return {"prediction": {"type": kind}} | {
        f"probability_{label}": {"type": "number"} for label in model.labels
    }


def _cell(column: dict[str, Any]) -> dict[str, Any]:
    if column["kind"] == "category":
        kind: dict[str, Any] = {"type": "string"}
        if column.get("categories"):
            kind["examples"] = column["categories"][:3]
    else:
        kind = dict(_JSON_TYPES[column["kind"]])
    if column["nullable"]:
        kind["type"] = [kind["type"], "null"]
    return kind


def openapi(model: Model, release: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI 3.1 description. release: what /version tells."""
    features = {column["name"]: _cell(column) for column in model.schema["features"]}
    record = {
        "type": "object",
        "properties": features,
        "required": [c["name"] for c in model.schema["features"] if not c["nullable"]],
        "additionalProperties": False,
    }
    records = {"type": "array", "items": {"$ref": "#/components/schemas/Record"}}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "array", "items": {"type": "array"}},
            "index": {"type": "array"},
        },
        "required": ["columns", "data"],
        "additionalProperties": False,
    }
    columnar = {"type": "object", "additionalProperties": {"type": "array"}}
    forms = {
        "dataframe_split": split,
        "dataframe_records": records,
        "instances": records,
        "inputs": {"anyOf": [columnar, records]},
    }
    request = {
        "oneOf": [
            {"type": "object", "properties": {name: form}, "required": [name], "additionalProperties": False}
            for name, form in forms.items()
        ]
    }
    answer = {
        "type": "object",
        "properties": {
            "predictions": {
                "type": "array",
                "items": {"type": "object", "properties": _outputs(model), "required": list(_outputs(model))},
            }
        },
        "required": ["predictions"],
    }
    error = {
        "type": "object",
        "properties": {
            "error_code": {"type": "string"},
            "message": {"type": "string"},
            "row": {"type": "integer"},
            "column": {"type": "string"},
        },
        "required": ["error_code", "message"],
    }
    refused = {
        "description": "Refused",
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    text = {"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    obj = {"200": {"description": "OK", "content": {JSON: {"schema": {"type": "object"}}}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": str(release.get("name", "model")),
            "version": str(release.get("release") or "unreleased"),
        },
        "paths": {
            "/invocations": {
                "post": {
                    "operationId": "invocations",
                    "summary": "Score rows",
                    "requestBody": {
                        "required": True,
                        "content": {
                            JSON: {
                                "schema": request,
                                "example": {"dataframe_split": model.example},
                            },
                            CSV: {"schema": {"type": "string"}},
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "Predictions",
                            "content": {JSON: {"schema": answer}},
                        },
                        **{status: refused for status in ("400", "408", "413", "415", "503")},
                    },
                }
            },
            "/ping": {"get": {"operationId": "ping", "summary": "Alive", "responses": text}},
            "/health": {"get": {"operationId": "health", "summary": "Alive", "responses": text}},
            "/version": {
                "get": {"operationId": "version", "summary": "Where it comes from", "responses": obj}
            },
            "/schema": {"get": {"operationId": "schema", "summary": "Inputs and outputs", "responses": obj}},
            "/metrics": {"get": {"operationId": "metrics", "summary": "For Prometheus", "responses": text}},
        },
        "components": {"schemas": {"Record": record, "Error": error}},
    }
