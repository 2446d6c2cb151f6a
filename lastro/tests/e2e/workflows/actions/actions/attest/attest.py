"""An attestation kept as JSON: store/attestations/<digest>.json lists what is attested of a subject.

Asks the server whether the token holds id-token, attestations and, to push to a registry, packages.
"""

import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

ask = os.environ.get


def demand(need: str) -> None:
    request = urllib.request.Request(f"{ask('GITHUB_SERVER_URL')}/_allows/{ask('GITHUB_REPOSITORY')}/{need}")
    request.add_header("Authorization", f"Bearer {ask('TOKEN')}")
    try:
        urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError:
        sys.exit(f"Resource not accessible by integration: {need}")


subjects = {}
if ask("DIGEST"):
    if not re.fullmatch("sha256:[0-9a-f]{64}", ask("DIGEST", "")) or not ask("NAME"):
        sys.exit("subject-digest must be in the format 'sha256:<hex-digest>', with subject-name")
    subjects[ask("NAME")] = ask("DIGEST")
for file in Path(ask("GITHUB_WORKSPACE", ".")).glob(ask("FILES") or "no such file"):
    subjects[file.name] = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
if not subjects:
    sys.exit("one of subject-path or subject-digest must be provided, and be found")
demand("id-token:write")
demand("attestations:write")
if ask("PUSH") == "true":
    demand("packages:write")
sbom = json.loads(Path(ask("GITHUB_WORKSPACE", "."), ask("SBOM", "")).read_text()) if ask("SBOM") else None
if sbom is not None and not ("spdxVersion" in sbom or sbom.get("bomFormat") == "CycloneDX"):
    sys.exit("Unsupported SBOM format")
custom = ask("PREDICATE_TYPE")
kind = "sbom" if sbom else custom if custom else "https://slsa.dev/provenance/v1"
made = {"predicate": kind, "sbom": sbom, "commit": ask("GITHUB_SHA"), "ref": ask("GITHUB_REF")}
made |= {"run": ask("GITHUB_RUN_ID"), "pushed": ask("PUSH") == "true"}
folder = Path(ask("STAND_INS_STORE", ""), "attestations")
folder.mkdir(parents=True, exist_ok=True)
for name, digest in subjects.items():
    file = folder / f"{digest.replace(':', '-')}.json"
    known = json.loads(file.read_text()) if file.exists() else []
    file.write_text(json.dumps([*known, made | {"subject": name, "digest": digest}], indent=1))
bundle = Path(ask("RUNNER_TEMP", "."), f"attestation-{kind.rsplit('/', 1)[-1]}.json")
bundle.write_text(json.dumps({"subjects": subjects, **made}))
with Path(ask("GITHUB_OUTPUT", "")).open("a") as out:
    out.write(
        f"bundle-path={bundle}\nattestation-id=1\nattestation-url={ask('GITHUB_SERVER_URL')}/attestations/1\n"
    )
