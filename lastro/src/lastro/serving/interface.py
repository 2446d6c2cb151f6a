"""The interface as a program reads it: /schema and /openapi.json."""

from __future__ import annotations

from typing import Any

from .bodies import CSV, JSON
from .model import Model

_NUMBER = {"type": "number"}
_CELLS = {
    "float": _NUMBER,
    "integer": _NUMBER,
    "boolean": {"type": "boolean"},
    "category": {"type": "string"},
    "date": {"type": "string", "description": "ISO 8601; UTC where it names no zone"},
}
_LABELS = {bool: "boolean", int: "integer", str: "string"}


def schema(model: Model, ranges: bool) -> dict[str, Any]:
    """Describe the inputs with type and categories, with `ranges` those seen in training; the outputs; an example request."""
    shown = ("categories", "minimum", "maximum") if ranges else ("categories",)
    inputs = [
        {
            "name": column["name"],
            "type": column["kind"],
            "required": not column["nullable"],
            **{key: column[key] for key in shown if key in column},
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
    kind = _LABELS[type(model.labels[0])] if model.labels else "number"
    return {"prediction": {"type": kind}} | {f"probability_{label}": _NUMBER for label in model.labels}


def _cell(column: dict[str, Any]) -> dict[str, Any]:
    kind: dict[str, Any] = dict(_CELLS[column["kind"]])
    if column.get("categories"):
        kind["examples"] = column["categories"][:3]
    if column["nullable"]:
        kind["type"] = [kind["type"], "null"]
    return kind


def openapi(model: Model, release: dict[str, Any]) -> dict[str, Any]:
    """Describe the app in OpenAPI 3.1. release: what /version tells."""
    outputs = _outputs(model)
    answer = _object({"predictions": _array(_object(outputs, list(outputs)))}, ["predictions"])
    responses = {"200": _response("Predictions", answer)}
    for status in ("400", "408", "413", "415", "503"):
        responses[status] = _response("Refused", {"$ref": "#/components/schemas/Error"})
    content = {
        JSON: {"schema": _request(), "example": {"dataframe_split": model.example}},
        CSV: {"schema": {"type": "string"}},
    }
    score = {
        "operationId": "invocations",
        "summary": "Score rows",
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }
    text, json = _response("OK", {"type": "string"}, "text/plain"), _response("OK", {"type": "object"})
    paths = {
        "ping": ("Alive", text),
        "health": ("Alive", text),
        "version": ("Where it comes from", json),
        "schema": ("Inputs and outputs", json),
        "metrics": ("For Prometheus", text),
    }
    features = model.schema["features"]
    required = [column["name"] for column in features if not column["nullable"]]
    error = {"error_code": "string", "message": "string", "row": "integer", "column": "string"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": str(release.get("name", "model")),
            "version": str(release.get("release") or "unreleased"),
        },
        "paths": {"/invocations": {"post": score}}
        | {
            f"/{name}": {"get": {"operationId": name, "summary": summary, "responses": {"200": response}}}
            for name, (summary, response) in paths.items()
        },
        "components": {
            "schemas": {
                "Record": _closed({column["name"]: _cell(column) for column in features}, required),
                "Error": _object(
                    {name: {"type": kind} for name, kind in error.items()}, ["error_code", "message"]
                ),
            }
        },
    }


def _request() -> dict[str, Any]:
    """Describe MLflow's four forms; see `bodies`."""
    records = _array({"$ref": "#/components/schemas/Record"})
    split = {
        "columns": _array({"type": "string"}),
        "data": _array({"type": "array"}),
        "index": {"type": "array"},
    }
    columnar = {"type": "object", "additionalProperties": {"type": "array"}}
    forms = {
        "dataframe_split": _closed(split, ["columns", "data"]),
        "dataframe_records": records,
        "instances": records,
        "inputs": {"anyOf": [columnar, records]},
    }
    return {"oneOf": [_closed({name: form}, [name]) for name, form in forms.items()]}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return _object(properties, required) | {"additionalProperties": False}


def _response(description: str, content: dict[str, Any], media: str = JSON) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": content}}}
