"""What `copier copy` asks for and leaves."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from lastro.families import catalog
from tests.template.conftest import OWN_TABLE, files, make_repository

URL = "https://example.com/acme/lastro.git"


@pytest.fixture(scope="module")
def with_example(template, tmp_path_factory):
    return make_repository(template, tmp_path_factory.mktemp("new") / "example")


@pytest.fixture(scope="module")
def with_own_table(template, tmp_path_factory):
    answers = {**OWN_TABLE, "task": "regression", "family": "elastic_net"}
    return make_repository(template, tmp_path_factory.mktemp("new") / "own", **answers)


@pytest.fixture(scope="module")
def jinja(root) -> Environment:
    """What copier renders with."""
    return Environment(
        loader=FileSystemLoader(root),
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        keep_trailing_newline=True,
    )


@pytest.fixture(scope="module")
def questions(root) -> dict:
    return yaml.safe_load((root / "copier.yml").read_text())


def test_root_is_short(root):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    entries = {path.split("/")[0] for path in tracked.stdout.splitlines()}
    assert len([entry for entry in entries if not entry.startswith(".")]) <= 24


@pytest.mark.e2e
@pytest.mark.parametrize("made", ["with_example", "with_own_table"])
def test_a_new_repository_is_small_and_has_nothing_of_the_package(made, request):
    repository = request.getfixturevalue(made)
    names = files(repository)
    assert len(names) <= 50
    assert not [
        name
        for name in names
        if name.startswith(("lastro/", ".ci/")) or name.endswith(".jinja") or name == "copier.yml"
    ]
    for name in names:
        text = (repository.folder / name).read_text(errors="replace")
        # A page of the documentation may be named, if it is said where it is.
        text = re.sub(
            r"`?lastro/docs/\w+\.md`?,? (in Lastro's repository|no repositório do Lastro)", "", text
        )
        assert not re.search(r"\blastro/(src|tests|docs|benchmarks|requirements|pin)\b", text), name


@pytest.mark.e2e
def test_with_the_example_it_is_the_example(with_example, template):
    rendered = {name.removesuffix(".jinja") for name in files(template) if name.endswith(".jinja")}
    rendered -= {"params.yaml", "tests/test_expectations.py"}
    for name in set(files(with_example)) - rendered:
        assert (with_example.folder / name).read_bytes() == (template.folder / name).read_bytes(), name


@pytest.mark.e2e
def test_params_hold_the_answers_and_their_comments(with_own_table, template):
    params = catalog.load_params(with_own_table.folder / "params.yaml")
    assert (params.name, params.data.source, params.data.target) == ("churn", "data/customers.csv", "churned")
    assert (params.data.task, params.model.family, params.model.params) == ("regression", "elastic_net", {})
    comments = re.findall(r"# (?!logistic).*", template.read("params.yaml"))
    assert set(comments) <= set(re.findall(r"# .*", with_own_table.read("params.yaml")))


@pytest.mark.parametrize(
    ("name", "target"), [("1e5", "no"), ("true", '"a" #: b\\c'), ("007", "- x"), ("a.b-c_d", "índice (%)")]
)
def test_answers_that_yaml_would_read_otherwise_stay_texts(jinja, tmp_path, name, target):
    answers = {"name": name, "target": target, "data_file": "data/my rows.csv", "task": "auto"}
    text = jinja.get_template("params.yaml.jinja").render(**answers, family="random_forest")
    (tmp_path / "params.yaml").write_text(text)
    params = catalog.load_params(tmp_path / "params.yaml")
    assert (params.name, params.data.target, params.data.source) == (name, target, "data/my rows.csv")


@pytest.mark.e2e
def test_another_table_brings_nothing_of_the_example(with_own_table):
    names = files(with_own_table)
    assert "data/breast_cancer.csv" not in names
    assert "dvc.lock" not in names
    for name in names:
        if name.startswith("tests/"):
            assert "worst area" not in with_own_table.read(name)
    assert with_own_table.read(".github/CODEOWNERS").endswith("* @acme/ml\n")


@pytest.mark.e2e
def test_package_is_pinned_by_the_full_commit_of_the_template(with_own_table, template):
    commit = template.run("git", "rev-parse", "HEAD").stdout.strip()
    pin = with_own_table.read("requirements/lastro.txt").splitlines()[-1]
    assert pin == f"git+file://{template.folder}@{commit}#egg=lastro&subdirectory=lastro"


@pytest.mark.parametrize(
    ("source", "pinned"),
    [
        (URL, URL),
        (f"git+{URL}", URL),
        ("gh:acme/lastro", "https://github.com/acme/lastro"),
        ("gl:acme/lastro.git", "https://gitlab.com/acme/lastro.git"),
        ("git@example.com:acme/lastro.git", "ssh://git@example.com/acme/lastro.git"),
    ],
)
def test_every_form_of_url_makes_a_pin(jinja, source, pinned):
    text = jinja.get_template("requirements/lastro.txt.jinja").render(
        _copier_answers={"_src_path": source}, _copier_conf={"vcs_ref_hash": "0" * 40}
    )
    assert text.splitlines()[-1] == f"lastro @ git+{pinned}@{'0' * 40}#subdirectory=lastro"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("name", "my model"),
        ("name", ""),
        ("data_file", "../customers.csv"),
        ("data_file", "/tmp/customers.csv"),
        ("target", " "),
        ("owner", "@acme"),
    ],
)
def test_wrong_answers_are_refused(jinja, questions, question, answer):
    template = {"_copier_answers": {"_src_path": URL}}
    validator = jinja.from_string(questions[question]["validator"])
    assert validator.render(**template, **{question: answer}).strip()
    assert not validator.render(**template, **{question: questions[question]["default"]}).strip()


def test_a_relative_path_of_the_template_is_refused(jinja, questions):
    validator = jinja.from_string(questions["name"]["validator"])
    assert "must be absolute" in validator.render(name="churn", _copier_answers={"_src_path": "../lastro"})


def test_families_are_those_that_there_are(questions, root):
    assert set(questions["family"]["choices"]) == set(catalog.FAMILIES)
    assert str(questions["family"]["choices"]).strip("[]") in (root / "params.yaml.jinja").read_text()


def test_nothing_needs_trust(questions):
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(questions)


def test_version_is_the_newest_of_the_changelog(root):
    changes = (root / "lastro" / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\d+\.\d+\.\d+)$", changes, re.MULTILINE)
    assert newest is not None
    assert f'version = "{newest[1]}"' in (root / "lastro" / "pyproject.toml").read_text()
