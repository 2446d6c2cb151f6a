"""The package alone: a wheel in an empty environment, and the README's commands in a new repository that is pinned to it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clones import Clone
from tests.template.conftest import make_repository

pytestmark = pytest.mark.e2e

EVERY_MODULE = """
import importlib, pkgutil, sys
import lastro
for module in pkgutil.walk_packages(lastro.__path__, "lastro."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            # What the image and the bill of materials need comes by locks of its own.
            if error.name.partition(".")[0] == "lastro":
                raise
print("\\n".join(sorted(module.__file__ for name, module in sys.modules.items()
                       if name.partition(".")[0] == "lastro" and module.__file__)))
"""


@pytest.fixture(scope="module")
def wheel(template, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    template.run("git", "clone", "--quiet", str(template.folder), str(source))
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, *build, str(source / "lastro")], check=True, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def repository(template, wheel, tmp_path_factory) -> Clone:
    """Its environment has nothing of the checkout: neither its packages nor a path to it."""
    made = make_repository(template, tmp_path_factory.mktemp("alone") / "model")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    made.write("requirements/lastro.txt", f"lastro @ {wheel.as_uri()}#sha256={digest}\n")
    del made.env["PYTHONPATH"]
    # Of the tests' environment only uv, where it is there: it takes seconds for what takes pip minutes.
    tools = tmp_path_factory.mktemp("tools")
    if uv := shutil.which("uv"):
        (tools / "uv").symlink_to(uv)
    others = [
        path for path in os.environ["PATH"].split(os.pathsep) if path != str(Path(sys.executable).parent)
    ]
    made.env["PATH"] = os.pathsep.join([str(tools), *others])
    return made


def test_commands_of_the_readme_work_with_the_wheel_alone(repository, template):
    assert re.findall(r"^make \w+$", template.read("README.md"), re.MULTILINE)[:2] == [
        "make repro",
        "make test",
    ]
    python = f"PYTHON={sys.base_prefix}/bin/python3"
    repository.run("make", python, "repro")
    repository.run("make", python, "test")
    assert (repository.folder / "models" / "model.bin").exists()
    listed = repository.run(".venv/bin/python", "-c", EVERY_MODULE).stdout.splitlines()
    outside = [path for path in listed if not Path(path).is_relative_to(repository.folder / ".venv")]
    assert outside == []
    assert len(listed) > 50


def test_model_is_that_of_the_checkout(repository, root):
    lock = re.compile(r"path: models/model\.bin\n\s+hash: md5\n\s+md5: (\w+)")
    assert lock.findall(repository.read("dvc.lock")) == lock.findall((root / "dvc.lock").read_text())
