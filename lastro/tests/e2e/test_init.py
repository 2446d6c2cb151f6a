"""`lastro init` on tables that it has never seen."""

from __future__ import annotations

import random

import pytest
import yaml

from tests.clones import Clone, make_clone

pytestmark = pytest.mark.e2e


def write_table(path) -> None:
    """240 rows: a number, a category, a boolean and a date with holes, an identifier, three labels as text."""
    rng = random.Random(3)
    rows = ["área m2;bairro;garagem;desde;matrícula;estado\n"]
    for i in range(240):
        size = rng.gauss(90, 25)
        label = "vendido" if size + rng.gauss(0, 15) > 90 else "à venda" if size > 70 else "retirado"
        cells = ["" if i % 11 == 0 else f"{size:.1f}", rng.choice(["Centro", "Graça", ""])]
        cells += [rng.choice(["true", "false", ""]), f"20{10 + i % 14}-0{1 + i % 9}-15", f"M{i:05}", label]
        rows.append(";".join(cells) + "\n")
    path.write_text("".join(rows), encoding="utf-8")


@pytest.fixture
def clone(root, tmp_path) -> Clone:
    return make_clone(root, tmp_path / "clone")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "imóveis 2026.csv"
    write_table(path)
    return path


def test_template_becomes_a_repository_with_a_judged_model(clone, table):
    before = clone.read("params.yaml")
    arguments = ("lastro.cli", "init", "--data", str(table), "--target", "estado", "--ignore", "matrícula")
    done = clone.run("python", "-m", *arguments).stdout
    assert "classification of data/raw/imóveis 2026.csv" in done
    assert "verdict: pass" in done
    text = clone.read("params.yaml")
    params = yaml.safe_load(text)
    assert params["name"] == "imoveis-2026"
    assert params["data"]["source"] == "data/raw/imóveis 2026.csv"
    assert params["data"]["ignore"] == ["matrícula"]
    # Line by line the file that the person knows: only what was asked for differs, comments stay.
    pairs = list(zip(before.splitlines(), text.splitlines(), strict=True))
    assert [old.split(":")[0].strip() for old, new in pairs if old != new] == [
        "name",
        "source",
        "target",
        "ignore",
    ]
    assert all(old.partition("#")[2] == new.partition("#")[2] for old, new in pairs)
    # The table is DVC's, the rest Git's; what is committed is complete, and true.
    assert clone.run("git", "check-ignore", "-q", "data/raw/imóveis 2026.csv").returncode == 0
    clone.commit("Our own table")
    assert "up to date" in clone.run("python", "-m", "lastro.cli", "status").stdout
    assert clone.run("python", "-m", "lastro.cli", "check").returncode == 0
    # From now on it is somebody's work.
    again = clone.run("python", "-m", *arguments, check=False)
    assert again.returncode == 2
    assert "--force" in again.stdout
    assert clone.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "estdo"), "did you mean estado?"),
        (("--target", "estado"), "column 'matrícula'"),
        (
            ("--target", "estado", "--ignore", "matrícula", "--family", "elastic_net"),
            "does not do classification",
        ),
        (("--target", "estado", "--family", "xgbost"), "did you mean xgboost?"),
        (("--target", "estado", "--name", "no spaces here"), "name"),
    ],
    ids=["target", "identifier", "task", "family", "name"],
)
def test_a_refusal_is_one_line_and_changes_nothing(clone, table, arguments, message):
    done = clone.run("python", "-m", "lastro.cli", "init", "--data", str(table), *arguments, check=False)
    assert done.returncode == 2, done.stdout
    assert message in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_what_is_not_committed_is_not_overwritten_unless_told(clone, table):
    clone.edit("params.yaml", "max_depth: 3", "max_depth: 4")
    arguments = ("init", "--data", str(table), "--target", "estado", "--ignore", "matrícula", "--no-run")
    done = clone.run("python", "-m", "lastro.cli", *arguments, check=False)
    assert done.returncode == 2
    assert "params.yaml: has changes that are not committed" in done.stdout
    clone.run("python", "-m", "lastro.cli", *arguments, "--force")
    assert yaml.safe_load(clone.read("params.yaml"))["model"]["params"]["max_depth"] == 4
    # No verdict of the example's is left to be taken for this model's.
    assert not (clone.folder / "dvc.lock").exists()


def test_asks_for_what_is_not_given(clone, table):
    answers = f"{table}\nestado\n\n\nimoveis\n"
    script = f"printf '%s' '{answers}' | python -m lastro.cli init --ignore matrícula --family random_forest --no-run"
    clone.run("bash", "-c", script)
    params = yaml.safe_load(clone.read("params.yaml"))
    assert (params["data"]["target"], params["model"]) == (
        "estado",
        {"family": "random_forest", "params": {}},
    )
