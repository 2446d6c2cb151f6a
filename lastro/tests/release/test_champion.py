"""The model in production, scored on the candidate's held-out rows: which rows are fair, and what is printed otherwise."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastro.evaluation.predictions import Predictions
from lastro.operations.registry.client import open_registry
from lastro.operations.release.champion import score_champion
from tests import example
from tests.release.small_project import SPARE, Project, keys, people

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def registry(root, empty_database, tmp_path_factory):
    """An embedded registry that holds what the tests of this file release."""
    folder = tmp_path_factory.mktemp("registry")
    shutil.copy(empty_database, folder / "mlflow.db")
    (folder / "params.yaml").write_text(example.PARAMS.read_text())
    with pytest.MonkeyPatch.context() as patch:
        # Nothing is to be recorded but by the tests themselves.
        patch.setenv("LASTRO_TRACKING", "off")
        yield open_registry(folder)


def compare(registry, production: Project, version, candidate: Project, folder):
    """The model of `production` on the rows of `candidate`; production's data is at hand in its own folder."""
    ours = candidate.candidate()
    return score_champion(registry, production.folder, version, "v1.0.0", ours, candidate.data, folder)


@pytest.mark.parametrize(
    ("family", "target"),
    [
        ("xgboost", "target"),
        ("xgboost", "value"),
        ("random_forest", "level"),
        ("hist_gradient_boosting", "target"),
        ("logistic_regression", "level"),
        ("elastic_net", "value"),
    ],
)
def test_where_nothing_changed_it_says_to_the_last_bit_what_it_said_then(
    registry, root, tmp_path, family, target
):
    changes = {
        "data.target": target,
        "data.ignore": [name for name in [*SPARE, "target"] if name != target],
        "model": {"family": family, "params": {}},
    }
    production = Project(root, tmp_path / "production", **changes)
    version = production.released(registry)
    candidate = Project(root, tmp_path / "candidate", **changes)
    found = compare(registry, production, version, candidate, tmp_path / "work")
    then = Predictions.read(production.paths.predictions).canonical()
    now = found.predictions.canonical()
    assert found.rule.passed
    assert f"0 of {len(then)} held-out rows are left out" in found.rule.detail
    np.testing.assert_array_equal(now.keys, then.keys)
    np.testing.assert_array_equal(now.truth, then.truth)
    assert now.scores.tobytes() == then.scores.tobytes()


@pytest.fixture(scope="module")
def production(registry, root, tmp_path_factory):
    """What is in production, by the column that names its rows: none, a number, a text."""
    made = {}

    def of(key):
        if key not in made:
            # A depth of its own for each: the same model would be the same run.
            depth = {"n_estimators": 20, "max_depth": 3 + len(made)}
            folder = tmp_path_factory.mktemp("production")
            project = Project(root, folder, **{"data.key": key, "model.params": depth})
            made[key] = project, project.released(registry)
        return made[key]

    return of


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from([None, "row", "person"]),
    seed=st.integers(0, 2**31),
    share=st.floats(0.1, 0.5),
    stay=st.integers(100, 400),
    new=st.integers(0, 200),
    bound=st.integers(2, 60),
)
def test_left_out_are_just_the_rows_that_it_was_trained_on(
    registry, root, production, tmp_path_factory, key, seed, share, stay, new, bound
):
    """Whatever became of split and table: some rows went, others came."""
    old, version = production(key)
    table = people()
    came = table.slice(0, new)
    for name, cells in {
        "row": pa.array(range(1000, 1000 + new), pa.int64()),
        "person": pa.array([f"new{i}" for i in range(new)], pa.string()),
        "whole": pa.array(np.full(new, 9.5)),
    }.items():
        came = came.set_column(table.column_names.index(name), name, cells)
    changes = {"data.key": key, "data.split.seed": seed, "data.split.test": share, "gate.min_rows": bound}
    folder = tmp_path_factory.mktemp("candidate")
    candidate = Project(root, folder, pa.concat_tables([table.slice(400 - stay), came]), **changes)
    found = compare(registry, old, version, candidate, folder / "work")

    trained = set(keys(old.paths.prepared, "train", "validation"))
    held_out = keys(candidate.paths.prepared, "test")
    fair = [row for row in held_out if row not in trained]
    assert found.rule.value == len(fair)
    assert found.rule.passed == (len(fair) >= bound)
    assert found.rule.detail.startswith(f"{len(held_out) - len(fair)} of {len(held_out)} held-out rows")
    if found.rule.passed:
        assert found.predictions.keys.tolist() == fair
    else:
        assert found.predictions is None
        assert "lower gate.min_rows" in found.rule.detail


def refused(found) -> str:
    """What is printed if no fair comparison is possible: one line with a fix."""
    assert found.predictions is None
    assert not found.rule.passed
    assert "\n" not in found.rule.detail
    assert '--without-champion "reason"' in found.rule.detail
    return found.rule.detail


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("level", "it answers the classes no, yes, this data has the classes high, low, medium"),
        ("value", "it answers the classes no, yes, this data has a number"),
        ("again", "it answers target, this data asks for again"),
    ],
)
def test_model_that_answers_another_question_is_no_champion(
    registry, root, production, tmp_path, target, words
):
    old, version = production(None)
    left = [name for name in [*SPARE, "target"] if name != target]
    candidate = Project(
        root, tmp_path / "candidate", **{"data.target": target, "data.ignore": left, "data.split.seed": 1}
    )
    assert words in refused(compare(registry, old, version, candidate, tmp_path / "work"))


def test_inputs_that_went_or_changed_are_all_named(registry, root, production, tmp_path):
    old, version = production(None)
    table = people()
    dates = pa.array(
        [None if cell is None else f"2020-01-{cell + 1:02d}" for cell in table["count"].to_pylist()]
    )
    table = table.set_column(table.column_names.index("count"), "count", dates)
    candidate = Project(root, tmp_path / "candidate", table, **{"data.ignore": [*SPARE, "city"]})
    printed = refused(compare(registry, old, version, candidate, tmp_path / "work"))
    assert "its input city is no longer in the data" in printed
    assert "its input count was integer and is date" in printed


def test_rows_that_got_another_kind_of_key_cannot_be_found(registry, root, production, tmp_path):
    """The same column, numbers then and text now: that no key is equal does not mean that no row was trained on."""
    old, version = production("row")
    table = people()
    texts = pa.array([f"r{cell}" for cell in table["row"].to_pylist()])
    table = table.set_column(table.column_names.index("row"), "row", texts)
    candidate = Project(root, tmp_path / "candidate", table, **{"data.key": "row", "data.split.seed": 1})
    assert "row keys were int64 then and are text now" in refused(
        compare(registry, old, version, candidate, tmp_path / "work")
    )


def test_rows_that_are_named_by_another_column_cannot_be_found(registry, root, production, tmp_path):
    old, version = production("row")
    candidate = Project(root, tmp_path / "candidate", **{"data.key": "person", "data.split.seed": 1})
    printed = refused(compare(registry, old, version, candidate, tmp_path / "work"))
    assert "data.key was row and is person" in printed


def test_rows_that_a_new_column_renamed_cannot_be_found(registry, root, production, tmp_path):
    old, version = production(None)
    table = people().append_column("new", pa.array(np.arange(400.0)))
    candidate = Project(root, tmp_path / "candidate", table, **{"data.ignore": [*SPARE, "new"]})
    printed = refused(compare(registry, old, version, candidate, tmp_path / "work"))
    assert "set data.key" in printed


def test_model_that_was_trained_under_one_key_and_registered_under_another(registry, root, tmp_path):
    """Its run tells of the first data, its version of the second; a candidate with either is compared."""
    depth = {"n_estimators": 20, "max_depth": 7}
    first = Project(root, tmp_path / "first", **{"model.params": depth})
    first.released(registry)
    second = Project(root, tmp_path / "second", **{"model.params": depth, "data.key": "row"})
    version = second.released(registry)
    assert first.data != second.data
    whole = compare(registry, second, version, second, tmp_path / "whole")
    assert whole.rule.passed
    assert whole.rule.detail.startswith("0 of ")
    changes = {"data.split.seed": 1, "gate.min_rows": 2}
    candidate = Project(root, tmp_path / "candidate", **changes)
    found = compare(registry, first, version, candidate, tmp_path / "work")
    trained = set(keys(first.paths.prepared, "train", "validation"))
    held_out = keys(candidate.paths.prepared, "test")
    assert found.predictions.keys.tolist() == [key for key in held_out if key not in trained]


def test_data_that_dvc_no_longer_has_is_named(registry, root, production, tmp_path):
    _, version = production(None)
    candidate = Project(root, tmp_path / "candidate", **{"data.split.seed": 1})
    # A clone of its own that never held production's data.
    (tmp_path / "elsewhere" / ".dvc").mkdir(parents=True)
    (tmp_path / "elsewhere" / ".dvc" / "config").write_text("[core]\nno_scm = true\n")
    elsewhere = Project(root, tmp_path / "elsewhere")
    printed = refused(compare(registry, elsewhere, version, candidate, tmp_path / "work"))
    assert "it is not known which rows v1.0.0 (version" in printed
    assert "run dvc push where it was made" in printed
