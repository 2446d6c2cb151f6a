"""Which bump of the version a change of the model's interface needs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema

from lastro.operations.release import rules
from lastro.operations.release.rules import Bump
from lastro.operations.release.tags import ReleaseTag

TYPES = [DataType.double, DataType.string, DataType.boolean, DataType.datetime]
columns = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.sampled_from(TYPES), st.booleans()), min_size=1
)
answers = st.dictionaries(
    st.sampled_from("pqr"), st.tuples(st.sampled_from(TYPES), st.just(True)), min_size=1
)


def signature(inputs, outputs) -> ModelSignature:
    both = (
        [ColSpec(kind, name, required=needed) for name, (kind, needed) in c.items()]
        for c in (inputs, outputs)
    )
    return ModelSignature(*map(Schema, both))


def bump(old, new) -> Bump:
    return rules.needed(rules.compare(signature(*old), signature(*new)))


@given(columns, answers, st.randoms())
def test_same_interface_is_a_patch_in_any_order(inputs, outputs, rng: random.Random):
    shuffled = [dict(rng.sample(list(c.items()), len(c))) for c in (inputs, outputs)]
    assert rules.compare(signature(inputs, outputs), signature(*shuffled)) == []
    assert bump((inputs, outputs), shuffled) == Bump.PATCH


@given(columns, columns, answers)
def test_minor_is_exactly_what_every_old_client_survives(old, new, outputs):
    """A client of the old model sends all that was required, in the old types, and perhaps what was optional."""
    survives = all(
        name in new and new[name][0] == kind and (needed or not new[name][1])
        for name, (kind, needed) in old.items()
    ) and not any(needed for name, (_, needed) in new.items() if name not in old)
    assert (bump((old, outputs), (new, outputs)) < Bump.MAJOR) == survives
    if survives:
        assert (bump((old, outputs), (new, outputs)) == Bump.PATCH) == (old == new)


@given(columns, answers, answers)
def test_any_change_of_the_outputs_is_major(inputs, old, new):
    assert bump((inputs, old), (inputs, new)) == (Bump.PATCH if old == new else Bump.MAJOR)


A = (DataType.double, True)
OPTIONAL = (DataType.double, False)


@pytest.mark.parametrize(
    ("new", "needs", "what"),
    [
        ({"b": OPTIONAL}, Bump.MAJOR, "input a was removed"),
        ({"z": A, "b": OPTIONAL}, Bump.MAJOR, "input a was removed"),
        ({"a": (DataType.string, True), "b": OPTIONAL}, Bump.MAJOR, "input a was double and is string"),
        ({"a": A, "b": A}, Bump.MAJOR, "input b is newly required"),
        ({"a": A, "b": OPTIONAL, "c": A}, Bump.MAJOR, "required input c was added"),
        ({"a": A, "b": OPTIONAL, "c": OPTIONAL}, Bump.MINOR, "optional input c was added"),
        ({"a": OPTIONAL, "b": OPTIONAL}, Bump.MINOR, "input a is no longer required"),
    ],
)
def test_each_change_is_named(new, needs, what):
    outputs = {"prediction": A}
    changes = rules.compare(signature({"a": A, "b": OPTIONAL}, outputs), signature(new, outputs))
    assert rules.needed(changes) == needs
    assert what in [change.what for change in changes]


@pytest.mark.parametrize(
    ("last", "tag", "bump"),
    [
        ("v1.2.3", "v1.2.4", Bump.PATCH),
        ("v1.2.3", "v1.3.0", Bump.MINOR),
        ("v1.2.3", "v2.0.0", Bump.MAJOR),
        ("v1.2.3", "v2.0.0-rc.1", Bump.MAJOR),
        ("v1.2.3", "v1.2.3", None),
        ("v1.2.3", "v1.2.2", None),
    ],
)
def test_what_a_tag_gives(last, tag, bump):
    last, tag = ReleaseTag.parse(last), ReleaseTag.parse(tag)
    given = [each for each in Bump if tag.finalize_version() >= rules.next_release(last, each)]
    assert max(given, default=None) == bump
