"""The image's bill of materials in CycloneDX (ECMA-424), of what its file system holds rather than of what was asked for.

CycloneDX's own tool, cyclonedx-bom, describes the Python packages; Python, Debian's packages, the model and the app are added.
Import this module only where requirements/sbom.lock is installed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.model.component import ComponentType as Kind
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from lastro.core.docker import labels
from lastro.core.errors import ExternalError
from lastro.operations.image.contents import MODEL, Contents
from lastro.operations.registry import names

FILE = "sbom.cdx.json"
SPECIFICATION = "1.6"
OCI = "org.opencontainers.image"
_INTERPRETER = """#!{python} -I
# What the tool runs a Python for is the list of folders that hold packages, as JSON.
import json, sys
sys.path[:] = {folders!r}
exec(sys.argv[sys.argv.index("-c") + 1])
"""


def describe(image: dict[str, Any], contents: Contents) -> str:
    """Write the bill of materials as JSON, valid by CycloneDX's schema; the same image gives the same text.

    Args:
        image: what `docker image inspect` says of it.

    Raises:
        ExternalError: the tool fails, or what it made does not keep to the schema.
    """
    bom = Bom.from_json(json.loads(_python_packages(contents)))
    packages = list(bom.components)
    for package in packages:
        package.components = _bundled(package, contents)
    whole, parts = _image(image), [*_parts(image, contents), *packages]
    bom.metadata.component = whole
    # Neither chance nor the time of day.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, image["Id"])
    bom.metadata.timestamp = datetime.fromisoformat(labels(image).get(f"{OCI}.created") or image["Created"])
    known = {dependency.ref for dependency in bom.dependencies}
    # Anew: in the set that they came in they are found by what they held then.
    bom.components = parts
    for part in parts:
        if part.bom_ref not in known:
            bom.register_dependency(part)
    bom.register_dependency(whole, parts)
    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        reason = " ".join(str(wrong.data.message).split())[:200]
        problem = f"what it made is not valid CycloneDX {SPECIFICATION}: {reason}"
        raise ExternalError(problem, where="cyclonedx-bom")
    return text


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
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ExternalError(f"failed ({reason})", where="cyclonedx-bom")
    return done.stdout


def _bundled(package: Component, contents: Contents) -> list[Component]:
    """List the libraries and crates inside a Python package, as it describes them itself (PEP 770)."""
    stem = f"{canonicalize_name(package.name).replace('-', '_')}-{package.version}.dist-info/sboms/"
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
            if purl is None or canonicalize_name(each["name"]) == canonicalize_name(package.name):
                continue
            # Without qualifiers, which name folders of the machine that the package was built on.
            purl = PackageURL(purl.type, purl.namespace, purl.name, purl.version)
            terms = map(LicenseFactory().make_from_string, filter(None, _terms(each)[:1]))
            ref, version = f"{package.bom_ref} {purl}", each.get("version")
            found[str(purl)] = _part(Kind.LIBRARY, ref, each["name"], version, purl=purl, licenses=terms)
    return list(found.values())


def _part(kind: Kind, ref: str, name: str, version: str | None, **more: Any) -> Component:
    return Component(type=kind, bom_ref=ref, name=name, version=version, **more)


def _image(image: dict[str, Any]) -> Component:
    known = labels(image)
    told = {key: known.get(key) for key in (names.DATA, names.PARAMS, "lastro.version")}
    told["lastro.image"] = image["Id"]
    properties = [Property(name=key, value=value) for key, value in told.items() if value]
    version = known.get(f"{OCI}.version") or known.get(f"{OCI}.revision")
    return _part(Kind.CONTAINER, "image", known.get(f"{OCI}.title", "image"), version, properties=properties)


def _parts(image: dict[str, Any], contents: Contents) -> Iterator[Component]:
    """List all but the Python packages: model, app, Python, the system and its packages."""
    known = labels(image)
    for path, content in contents.files.items():
        if path.startswith(MODEL):
            hashes = [
                HashType(alg=algorithm, content=hashlib.new(name, content, usedforsecurity=False).hexdigest())
                for algorithm, name in ((HashAlgorithm.MD5, "md5"), (HashAlgorithm.SHA_256, "sha256"))
            ]
            ref, title = path.removeprefix(MODEL), known.get(f"{OCI}.title", "model")
            version = known.get("lastro.version")
            yield _part(Kind.MACHINE_LEARNING_MODEL, ref, title, version, hashes=hashes)
    yield _part(Kind.APPLICATION, "lastro_scoring", "lastro_scoring", known.get(f"{OCI}.revision"))
    environment = dict(entry.partition("=")[::2] for entry in image["Config"].get("Env") or ())
    python = environment.get("PYTHON_VERSION")
    if python:
        known_as = {
            "cpe": f"cpe:2.3:a:python:python:{python}:*:*:*:*:*:*:*",
            "purl": PackageURL("generic", None, "python", python),
        }
        licences = [LicenseExpression("Python-2.0.1")]
        yield _part(Kind.PLATFORM, f"python {python}", "python", python, licenses=licences, **known_as)
    system = contents.system()
    vendor, version = system.get("ID", "debian"), system.get("VERSION_ID", "")
    if system:
        yield _part(Kind.OPERATING_SYSTEM, "system", vendor, version)
    for package in contents.debian():
        qualifiers = {"arch": package.architecture, "distro": f"{vendor}-{version}"}
        if package.source != package.name:
            qualifiers["upstream"] = package.source
        purl = PackageURL("deb", vendor, package.name, package.version, qualifiers)
        yield _part(Kind.LIBRARY, str(purl), package.name, package.version, purl=purl)


def _terms(part: dict[str, Any]) -> list[str | None]:
    """Return what a component of a bill of materials says that its licence is."""
    return [
        each.get("expression") or each["license"].get("id") or each["license"].get("name")
        for each in part.get("licenses", ())
    ]


def declared(text: str) -> dict[str, str]:
    """Read what each Python package of a bill of materials says that its licence is, by canonical name."""
    return {
        canonicalize_name(part["name"]): ", ".join(dict.fromkeys(filter(None, _terms(part))))
        for part in json.loads(text)["components"]
        if part.get("purl", "").startswith("pkg:pypi/")
    }
