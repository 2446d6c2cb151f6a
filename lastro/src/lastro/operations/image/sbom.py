"""The image's bill of materials in CycloneDX (ECMA-424), of what its file system holds rather than of what was asked for.

CycloneDX's own tool, cyclonedx-bom, describes the Python packages; Python, Debian's packages, the model and the app are added.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.image.contents import MODEL, Contents
from lastro.operations.registry import names

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

FILE = "sbom.cdx.json"
SPECIFICATION = "1.6"
_INTERPRETER = """#!{python} -I
# What the tool runs a Python for is the list of folders that hold packages, as JSON.
import json, sys
sys.path[:] = {folders!r}
exec(sys.argv[sys.argv.index("-c") + 1])
"""


def require_tool() -> None:
    """Raises LastroError, with how to install it, where cyclonedx-bom is not there."""
    if importlib.util.find_spec("cyclonedx_py") is None:
        raise LastroError(
            "is not installed here",
            where="cyclonedx-bom",
            fix="python -m pip install --require-hashes -r requirements/sbom.lock",
        )


def describe(known: dict[str, Any], contents: Contents) -> str:
    """The bill of materials as JSON, valid by CycloneDX's schema; the same image gives the same text.

    Args:
        known: what `docker image inspect` says of the image.

    Raises:
        LastroError: the tool is not installed.
        ExternalError: the tool fails, or what came out does not keep to the schema.
    """
    require_tool()
    from cyclonedx.model.bom import Bom
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bom = Bom.from_json(json.loads(_python_packages(contents)))
    packages = list(bom.components)
    for package in packages:
        package.components = _bundled(package, contents)
    image, parts = _image(known), [*_parts(known, contents), *packages]
    bom.metadata.component = image
    # Neither chance nor the time of day.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, known["Id"])
    bom.metadata.timestamp = datetime.fromisoformat(_labels(known).get(f"{_OCI}.created") or known["Created"])
    _add(bom, image, parts)
    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        what = " ".join(str(wrong.data.message).split())[:200]
        raise ExternalError(
            f"what it made is not valid CycloneDX {SPECIFICATION}: {what}", where="cyclonedx-bom"
        )
    return text


_OCI = "org.opencontainers.image"


def _labels(known: dict[str, Any]) -> dict[str, str]:
    return known["Config"].get("Labels") or {}


def _python_packages(contents: Contents) -> str:
    with tempfile.TemporaryDirectory(prefix="lastro-sbom-") as name:
        folder = Path(name).resolve()
        roots = set()
        for distribution, files in contents.distributions().items():
            roots.add(str((folder / "image" / distribution).parent))
            for path in files:
                (folder / "image" / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / "image" / path).write_bytes(contents.files[path])
        python = folder / "python"
        python.write_text(_INTERPRETER.format(python=sys.executable, folders=sorted(roots)), encoding="utf-8")
        python.chmod(0o755)
        line = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        line += ["--output-format", "JSON", "--spec-version", SPECIFICATION, str(python)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ExternalError(f"failed ({said})", where="cyclonedx-bom")
    return done.stdout


def _bundled(package: Component, contents: Contents) -> list[Component]:
    """Libraries and crates inside a Python package, as it describes them itself (PEP 770)."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    stem = f"{normalize(package.name).replace('-', '_')}-{package.version}.dist-info/sboms/"
    found = {}
    for path, content in sorted(contents.files.items()):
        if stem not in path.lower():
            continue
        try:
            inner = json.loads(content).get("components", [])
        except ValueError:
            # In another format, such as SPDX's with tags.
            continue
        for each in inner:
            purl = PackageURL.from_string(each["purl"]) if each.get("purl") else None
            if purl is None or normalize(each["name"]) == normalize(package.name):
                continue
            # Without qualifiers, which name folders of the machine that the package was built on.
            purl = PackageURL(purl.type, purl.namespace, purl.name, purl.version)
            terms = [
                entry.get("expression") or entry.get("license", {}).get("id")
                for entry in each.get("licenses", ())
            ]
            found[str(purl)] = Component(
                type=ComponentType.LIBRARY,
                bom_ref=f"{package.bom_ref} {purl}",
                name=each["name"],
                version=each.get("version"),
                purl=purl,
                licenses=map(LicenseFactory().make_from_string, filter(None, terms[:1])),
            )
    return list(found.values())


def _image(known: dict[str, Any]) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    labels = _labels(known)
    told = {"lastro.image": known["Id"]} | {
        key: labels[key] for key in (names.DATA, names.PARAMS, "lastro.version") if labels.get(key)
    }
    return Component(
        type=ComponentType.CONTAINER,
        bom_ref="image",
        name=labels.get(f"{_OCI}.title", "image"),
        version=labels.get(f"{_OCI}.version") or labels.get(f"{_OCI}.revision"),
        properties=[Property(name=key, value=value) for key, value in told.items()],
    )


def _parts(known: dict[str, Any], contents: Contents) -> list[Component]:
    """All but the Python packages."""
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import LicenseExpression
    from packageurl import PackageURL

    labels, environment = (
        _labels(known),
        dict(v.partition("=")[::2] for v in known["Config"].get("Env") or ()),
    )
    system = contents.system()
    parts = [
        _model(path, content, labels) for path, content in contents.files.items() if path.startswith(MODEL)
    ]
    app = Component(type=ComponentType.APPLICATION, bom_ref="lastro_scoring", name="lastro_scoring")
    app.version = labels.get(f"{_OCI}.revision")
    parts.append(app)
    python = environment.get("PYTHON_VERSION")
    if python:
        parts.append(
            Component(
                type=ComponentType.PLATFORM,
                bom_ref=f"python {python}",
                name="python",
                version=python,
                licenses=[LicenseExpression("Python-2.0.1")],
                cpe=f"cpe:2.3:a:python:python:{python}:*:*:*:*:*:*:*",
                purl=PackageURL("generic", None, "python", python),
            )
        )
    vendor = system.get("ID", "debian")
    if system:
        version = system.get("VERSION_ID", "")
        parts.append(
            Component(type=ComponentType.OPERATING_SYSTEM, bom_ref="system", name=vendor, version=version)
        )
    for package in contents.debian():
        qualifiers = {"arch": package.architecture, "distro": f"{vendor}-{system.get('VERSION_ID', '')}"}
        if package.source != package.name:
            qualifiers["upstream"] = package.source
        purl = PackageURL("deb", vendor, package.name, package.version, qualifiers)
        part = Component(type=ComponentType.LIBRARY, bom_ref=str(purl), name=package.name, purl=purl)
        part.version = package.version
        parts.append(part)
    return parts


def _model(path: str, content: bytes, labels: dict[str, str]) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    digests = {HashAlgorithm.MD5: "md5", HashAlgorithm.SHA_256: "sha256"}
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=path.removeprefix(MODEL),
        name=labels.get(f"{_OCI}.title", "model"),
        version=labels.get("lastro.version"),
        hashes=[
            HashType(alg=algorithm, content=hashlib.new(name, content, usedforsecurity=False).hexdigest())
            for algorithm, name in digests.items()
        ],
    )


def _add(bom: Bom, image: Component, parts: list[Component]) -> None:
    known = {dependency.ref for dependency in bom.dependencies}
    # Anew: in the set that they came in they are found by what they held then.
    bom.components = parts
    for part in parts:
        if part.bom_ref not in known:
            bom.register_dependency(part)
    bom.register_dependency(image, parts)


def declared(text: str) -> dict[str, str]:
    """What each Python package of a bill of materials says that its licence is, by `normalize`d name."""
    found = {}
    for part in json.loads(text)["components"]:
        if part.get("purl", "").startswith("pkg:pypi/"):
            terms = [
                entry.get("expression") or entry["license"].get("id") or entry["license"].get("name", "")
                for entry in part.get("licenses", ())
            ]
            found[normalize(part["name"])] = ", ".join(dict.fromkeys(terms))
    return found


def normalize(name: str) -> str:
    """A distribution's name as packaging compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
