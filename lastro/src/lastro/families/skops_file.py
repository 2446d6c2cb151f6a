"""skops files, canonical: equal models give equal bytes.

As skops writes them, no two files are equal: nodes carry the memory addresses of the saved objects, arrays are
named by them or at random, and zip members carry the time. And two nodes share an address or not by accident
where Python is free to intern a value: small numbers, strings, constants.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np

from lastro.core.errors import LastroError

# Nodes of values that nobody can change: the value is their identity.
IMMUTABLE = {"JsonNode", "TupleNode", "TypeNode", "FunctionNode", "SliceNode", "DTypeNode", "BytesNode"}


def dumps(model: Any) -> bytes:
    """Write `model` as a canonical skops file, which skops itself reads.

    Nodes are numbered in the order in which a walk of the schema completes them: a mutable object once, however
    often it is met; an immutable value once, wherever it stands. Sets are sorted, padding inside array records
    is zeroed, members are stored without compression (zlib's output varies) and without a time.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as source:
        canonical = _Canonical(source)
        schema = canonical.node(json.loads(source.read("schema.json")))
    members = {"schema.json": json.dumps(schema, separators=(",", ":")).encode(), **canonical.members}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # the same on every operating system
            target.writestr(info, data)
    return buffer.getvalue()


def loads(data: bytes, trusted: Collection[str]) -> Any:
    """Read the model in a skops file.

    `trusted` names the types beyond those that skops trusts by itself; nothing is built before all types of the file are
    checked. Raises LastroError: another type, or not a skops file.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(data, trusted=list(trusted))
    except UntrustedTypesFoundException:
        found = sorted(set(skops.io.get_untrusted_types(data=data)) - set(trusted))
        raise LastroError(
            f"the skops file asks for {', '.join(found)}, which this family never writes; not loaded",
            where="model",
        ) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ImportError,
    ) as error:
        raise LastroError(
            f"not a readable skops file ({error})", where="model", fix="train it again"
        ) from error


class _Canonical:
    """One walk over the schema of `source`. `members` gets the arrays, under their new names, in order."""

    def __init__(self, source: zipfile.ZipFile):
        self.members: dict[str, bytes] = {}
        self._source = source
        self._numbers: dict[object, int] = {}

    def node(self, value: Any) -> Any:
        """Copy `value`, a part of the schema, with new numbers and file names."""
        if isinstance(value, list):
            return [self.node(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "__loader__" not in value:
            return {key: self.node(item) for key, item in value.items()}
        if value["__loader__"] == "SetNode":
            # The order of a set of strings changes from process to process.
            value = value | {
                "content": sorted(value["content"], key=lambda item: json.dumps(_nameless(item)))
            }
        address, file = value["__id__"], value.get("file")
        new = {key: self.node(item) for key, item in value.items() if key not in ("__id__", "file")}
        data = None if file is None else _clean(self._source.read(file), file)
        identity = (json.dumps(new), data) if _is_immutable(new) else address
        number = self._numbers.setdefault(identity, len(self._numbers) + 1)
        new["__id__"] = number
        if data is not None:
            new["file"] = f"{number}.{file.rpartition('.')[2]}"
            self.members[new["file"]] = data
        return new


def _is_immutable(node: dict[str, Any]) -> bool:
    # skops writes NumPy scalars as it writes arrays.
    scalar = node["__loader__"] == "NdArrayNode" and node["__class__"] != "ndarray"
    return scalar or node["__loader__"] in IMMUTABLE


def _nameless(value: Any) -> Any:
    if isinstance(value, list):
        return [_nameless(item) for item in value]
    if isinstance(value, dict):
        return {key: _nameless(item) for key, item in value.items() if key not in ("__id__", "file")}
    return value


def _clean(data: bytes, name: str) -> bytes:
    """The member, with zeroes in the padding of its records, which is whatever lay in memory there."""
    if not name.endswith(".npy"):
        return data
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, array.dtype)  # zeros_like would leave the padding as it found it
    for field in array.dtype.names:
        clean[field] = array[field]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()
