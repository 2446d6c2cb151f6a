"""The notebooks run from the first cell to the last, as a person would run them, and are committed clean."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.clones import LEFT_BY_MLFLOW, Clone, make_clone

pytestmark = pytest.mark.e2e

FOLDER = Path(__file__).parents[3] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture
def clone(root, tmp_path, monkeypatch) -> Clone:
    """A clone whose notebooks run in this process's environment."""
    made = make_clone(root, tmp_path / "clone")
    (tmp_path / "tmp").mkdir()
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    for name in LEFT_BY_MLFLOW:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return made


def client_of(clone: Clone, name: str) -> NotebookClient:
    notebook = nbformat.read(clone.folder / "notebooks" / name, as_version=4)
    where = {"metadata": {"path": str(clone.folder / "notebooks")}}
    return NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)


def output(notebook, cell_id: str) -> str:
    """All that a cell showed, as text."""
    (cell,) = [cell for cell in notebook.cells if cell["id"] == cell_id]
    return "".join(
        shown.get("text", "") or shown.get("data", {}).get("text/plain", "") for shown in cell.outputs
    )


def test_the_tour_runs_from_the_first_cell_to_the_last(clone):
    tour = client_of(clone, "01_mlflow_intro.ipynb").execute()
    assert float(re.search(r"accuracy': ([\d.]+)", output(tour, "ler-run")).group(1)) > 0.9
    assert "30 values of test-mlogloss" in output(tour, "xgboost-autolog")
    assert {"LogisticRegression", "RandomForestClassifier", "XGBoost"} <= set(
        output(tour, "comparar-tabela").split()
    )
    assert "0.001" in output(tour, "comparar-tabela-filtro")
    (figure,) = [cell for cell in tour.cells if cell["id"] == "comparar-figura"]
    assert any("image/png" in shown.get("data", {}) for shown in figure.outputs)
    assert "'previous': " in output(tour, "aliases")
    assert "'predictions': [" in output(tour, "perguntar")
    assert "still there? False" in output(tour, "parar")
    # The repository's part: one parameter and the lock changed, nothing else.
    assert output(tour, "repro").splitlines()[-2:] == [" M dvc.lock", " M params.yaml"]
    assert "verdict: pass" in output(tour, "repro")
    assert "verdict: pass" in output(tour, "projects")
    # Nothing of the reader's own was touched.
    assert clone.run("git", "status", "--porcelain", "--ignored", "--", ":!src", ":!.dvc/tmp").stdout == ""
    assert {path.name for path in (clone.folder / "notebooks").iterdir()} == {p.name for p in NOTEBOOKS}


@pytest.mark.parametrize(
    ("have", "said"),
    [
        pytest.param((), "PAREI AQUI: falta instalar azure-ai-ml, azure-identity", id="not installed"),
        pytest.param(("packages",), "PAREI AQUI: falta definir AZURE_SUBSCRIPTION_ID", id="no workspace"),
        pytest.param(("packages", "workspace"), "PAREI AQUI: nenhuma credencial do Azure", id="no identity"),
    ],
)
def test_azure_stops_with_one_line_where_something_is_missing(clone, tmp_path, monkeypatch, have, said):
    for name in [name for name in os.environ if name.startswith(("AZURE", "MSI_", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    if "packages" in have:
        # azureml-mlflow cannot be installed beside the locked mlflow: a stand-in with no credential to offer.
        write_azure(tmp_path / "azure")
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'azure'}{os.pathsep}{clone.env['PYTHONPATH']}")
    if "workspace" in have:
        for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE_NAME"):
            monkeypatch.setenv(name, "none")
    client = client_of(clone, "02_azure_ml.ipynb")
    with pytest.raises(CellExecutionError):
        client.execute()
    (stopped,) = [
        shown
        for cell in client.nb.cells
        for shown in cell.get("outputs", [])
        if shown["output_type"] == "error"
    ]
    assert len(stopped["traceback"]) == 1
    assert stopped["traceback"][0].startswith(said)


def write_azure(folder: Path) -> None:
    """The few names that the notebook asks for before it is signed in."""
    modules = {
        "azure/core/exceptions.py": "class ClientAuthenticationError(Exception): ...",
        "azure/identity.py": (
            "from azure.core.exceptions import ClientAuthenticationError\n"
            "class DefaultAzureCredential:\n"
            "    def get_token(self, scope): raise ClientAuthenticationError('none of 7 ways\\nworked')\n"
        ),
        "azure/ai/ml/__init__.py": "",
        "azureml/mlflow/__init__.py": "",
    }
    for name, text in modules.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_committed_clean(path):
    raw = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(raw, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    for cell in notebook.cells:
        # Ids that a person chose: a random one would change with every editor that writes the file anew.
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell["id"])
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert cell.metadata == {}
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    # As nbformat writes it, so that saving it without a change is no diff.
    assert raw == nbformat.writes(notebook) + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_prose_is_portuguese_and_code_is_english(path):
    notebook = nbformat.read(path, as_version=4)
    prose = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    comments = re.findall(
        r"^\s*# .*", "\n".join(c.source for c in notebook.cells if c.cell_type == "code"), re.M
    )
    assert len(re.findall(r"[ãõçáéíóúâêô]", prose)) > 40
    assert not re.search(r"[ãõçáéíóúâêô]", " ".join(comments))
    # Short cells: what does not fit on a screen is not read.
    assert all(cell.source.count("\n") < 45 for cell in notebook.cells)


def test_links_lead_somewhere():
    for path in NOTEBOOKS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{path.name}: {target}"
