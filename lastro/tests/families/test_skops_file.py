"""The canonical skops file: no accident of memory in it, nothing lost, nothing unexpected let in."""

from __future__ import annotations

import copy
import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lastro.core.errors import LastroError
from lastro.families.catalog import FAMILIES, get
from lastro.families.skops_file import dumps, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.floats(allow_nan=False).map(np.float64),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def rebuilt(value):
    """An equal value of other objects: nothing in it is interned, cached or shared."""
    if isinstance(value, dict):
        return {rebuilt(key): rebuilt(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([rebuilt(item) for item in value])
    if isinstance(value, str | bytes):
        return value[:1] + value[1:] if len(value) > 1 else value
    return copy.deepcopy(value)


def alias(value):
    """An equal value in which equal immutable leaves are one object."""
    seen = {}

    def walk(item):
        if isinstance(item, dict):
            return {key: walk(inner) for key, inner in item.items()}
        if isinstance(item, list | tuple):
            return type(item)([walk(inner) for inner in item])
        return seen.setdefault((type(item), repr(item)), item)

    return walk(value)


@given(VALUES)
def test_the_identity_of_immutable_values_leaves_no_trace(value):
    assert dumps(rebuilt(value)) == dumps(value) == dumps(alias(value))


@given(VALUES)
def test_values_survive_and_save_again_to_the_same_bytes(value):
    data = dumps(value)
    loaded = loads(data, ())
    assert loaded == value
    assert dumps(loaded) == data


def test_a_shared_object_stays_shared_and_a_copy_stays_a_copy():
    array, other = np.arange(3.0), np.arange(3.0)
    first, second, third = loads(dumps([array, array, other]), ())
    assert first is second
    assert first is not third
    assert dumps([array, array, other]) != dumps([array, other, other])


def test_the_noise_in_the_padding_of_records_is_zeroed():
    kind = np.dtype([("a", "u1"), ("b", "<f8")], align=True)

    def records(noise: int) -> np.ndarray:
        array = np.full(4 * kind.itemsize, noise, dtype="u1").view(kind)
        array["a"], array["b"] = 1, 2.0
        return array

    assert records(0).tobytes() != records(255).tobytes()
    assert dumps(records(0)) == dumps(records(255))
    assert (loads(dumps(records(255)), ()) == records(0)).all()


def test_sets_are_sorted():
    # These numbers share a slot of a small hash table: the first to come is the first to be iterated.
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)
    assert dumps(one) == dumps(other)
    assert loads(dumps(one), ()) == one


def test_members_have_no_time_and_no_address():
    with zipfile.ZipFile(io.BytesIO(dumps(StandardScaler().fit(np.eye(3))))) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert file.namelist()[0] == "schema.json"
        assert all(len(name) < 9 for name in file.namelist()[1:])


def test_skops_itself_reads_the_file(case):
    if case.family.flavor == "sklearn":
        data = case.family.to_bytes(case.model)
        loaded = skops.io.loads(data, trusted=list(case.family.trusted))
        assert (case.predict(case.validation.X, loaded) == case.predict(case.validation.X)).all()


@pytest.mark.parametrize("name", [name for name in FAMILIES if get(name).flavor == "sklearn"])
def test_the_trusted_types_are_those_the_family_needs(name, problem_rows, quick_fit):
    family, found = get(name), set()
    for task in family.tasks:
        problem, train, validation = problem_rows(task, 2 if task == "classification" else 0)
        found |= set(
            skops.io.get_untrusted_types(
                data=family.to_bytes(quick_fit(family, problem, train, validation).model)
            )
        )
    assert found == set(family.trusted)


def test_a_file_with_another_type_is_refused_before_anything_is_built(case):
    if case.family.flavor == "sklearn":
        data = dumps(FunctionTransformer(func=json.dumps))
        with pytest.raises(LastroError, match=r"asks for json\.dumps, which this family never writes"):
            case.family.from_bytes(data)


def test_a_forest_is_not_read_as_a_linear_model(problem_rows, quick_fit):
    forest = get("random_forest")
    data = forest.to_bytes(quick_fit(forest, *problem_rows("regression", 0)).model)
    with pytest.raises(LastroError, match=r"asks for sklearn\.tree\._tree\.Tree"):
        get("elastic_net").from_bytes(data)
