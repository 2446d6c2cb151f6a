"""Artifacts of this run from its folder; of another run, which needs a token, over the API."""

import fnmatch
import hashlib
import io
import json
import os
import sys
import urllib.request
import zipfile
from pathlib import Path

ask = os.environ.get
target = Path(ask("GITHUB_WORKSPACE", "."), os.path.expanduser(ask("FOLDER", "")))


def api(path: str) -> bytes:
    """GET with the token; a redirect goes without it, as storage demands."""
    request = urllib.request.Request(f"{ask('GITHUB_API_URL')}/repos/{ask('REPOSITORY')}{path}")
    request.add_unredirected_header("Authorization", f"Bearer {ask('TOKEN')}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def own() -> list[tuple[str, int, bytes]]:
    if ask("RUN") != ask("GITHUB_RUN_ID"):
        sys.exit("another run's artifacts need the input github-token")
    folder = Path(ask("STAND_INS_STORE", ""), "artifacts", ask("GITHUB_RUN_ID", ""))
    return [(f.stem, _number(f.name), f.read_bytes()) for f in sorted(folder.glob("*.zip"))]


def _number(name: str) -> int:
    return int(hashlib.sha256(f"{ask('GITHUB_RUN_ID')}/{name}".encode()).hexdigest()[:8], 16)


def other() -> list[tuple[str, int, bytes]]:
    listed = json.loads(api(f"/actions/runs/{ask('RUN')}/artifacts?per_page=100"))["artifacts"]
    wanted = [a for a in listed if ask("NAME") in ("", a["name"])]
    return [(a["name"], a["id"], api(f"/actions/artifacts/{a['id']}/zip")) for a in wanted]


found = other() if ask("TOKEN") else own()
ids = {int(number) for number in ask("IDS", "").replace(",", " ").split()}
single = bool(ask("NAME"))
found = [f for f in found if ask("NAME") in ("", f[0]) and (not ids or f[1] in ids)]
found = [f for f in found if fnmatch.fnmatch(f[0], ask("PATTERN") or "*")]
if not found and (single or ids):
    sys.exit(f"Unable to download artifact(s): Artifact not found for name: {ask('NAME') or ids}")
for name, _, data in found:
    folder = target if single or ask("MERGE") == "true" or len(ids) == 1 else target / name
    folder.mkdir(parents=True, exist_ok=True)
    if ask("KEEP_ZIP") == "true":
        (folder / f"{name}.zip").write_bytes(data)
    else:
        zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
with Path(ask("GITHUB_OUTPUT", "")).open("a") as out:
    out.write(f"download-path={target}\n")
