"""What `lastro init` makes of params.yaml, short of running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lastro.core.errors import LastroError
from lastro.core.yaml12 import load_mapping
from lastro.families import catalog
from lastro.operations.lineage import init
from lastro.operations.lineage.init import Options
from tests import example


@pytest.fixture
def repository(tmp_path) -> Path:
    """A folder with the example's params.yaml, and elsewhere the table that it is to init."""
    (tmp_path / "home").mkdir()
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(60))
    (tmp_path / "home" / "customers.csv").write_text("age,visits,churned\n" + rows)
    root = tmp_path / "repository"
    root.mkdir()
    (root / "params.yaml").write_text(example.PARAMS.read_text())
    return root


def written(root: Path, **options: Any) -> dict[str, Any]:
    """The parameters that init would write, by section."""
    wanted = Options(**{"data": root.parent / "home" / "customers.csv", "target": "churned", **options})
    return load_mapping(init.make_plan(root, wanted, force=True).text.encode(), "params.yaml", "")


def edit(root: Path, old: str, new: str) -> None:
    text = (root / "params.yaml").read_text()
    assert old in text
    (root / "params.yaml").write_text(text.replace(old, new, 1))


def test_a_home_folder_is_expanded(repository, monkeypatch):
    monkeypatch.setenv("HOME", str(repository.parent / "home"))
    params = written(repository, data=Path("~/customers.csv"))
    assert (params["data"]["source"], params["name"]) == ("data/raw/customers.csv", "customers")
    with pytest.raises(LastroError, match=r"--data: ~nobody-here/x.csv: no such file or folder"):
        written(repository, data=Path("~nobody-here/x.csv"))


def test_what_named_the_other_tables_columns_is_reset(repository):
    edit(repository, "slices: []", "slices: [region]")
    edit(repository, "max_gap: null", "max_gap: 0.1")
    edit(repository, "limits: {}", "limits: {accuracy: 0.9}")
    edit(repository, "    max_depth: 3", "    max_depth: 3\n    monotone_constraints: {radius: 1}")
    edit(repository, "    max_depth: 3", "    max_depth: 3\n    interaction_constraints: [[radius, area]]")
    params = written(repository)
    assert params["evaluation"]["slices"] == []
    assert params["gate"]["slices"] == {"max_gap": None, "min_rows": 30}
    assert params["gate"]["limits"] == {}
    assert params["model"]["params"]["max_depth"] == 3
    assert params["model"]["params"]["monotone_constraints"] is None
    assert params["model"]["params"]["interaction_constraints"] is None
    assert "monotonic_cst" not in params["model"]["params"]


def test_sections_that_are_not_there_are_no_obstacle(repository):
    (repository / "params.yaml").write_text(
        "name: least\ndata: {source: data/breast_cancer.csv, target: target}\n"
    )
    assert written(repository).keys() == {"name", "data", "model"}


@pytest.mark.parametrize("name", catalog.FAMILIES)
def test_every_hyperparameter_that_names_columns_is_known(name):
    fields = catalog.get(name).Hyperparameters.model_fields
    for key, field in fields.items():
        holds = str(field.annotation)
        assert ("dict[str" in holds or "list[" in holds) == (key in init.NAMING_COLUMNS), key


def test_a_column_that_cannot_be_taken_is_left_out_by_an_option(repository, tmp_path):
    table = tmp_path / "t.csv"
    rows = "".join(f"{i % 7},free text number {i},{i % 2}\n" for i in range(400))
    table.write_text("x,the text,y\n" + rows)
    with pytest.raises(LastroError) as refused:
        init.make_plan(repository, Options(data=table, target="y"))
    assert refused.value.fix == "leave it out: --ignore 'the text'"
    init.make_plan(repository, Options(data=table, target="y", ignore=("the text",)))
