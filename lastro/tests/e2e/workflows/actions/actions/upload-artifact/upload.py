"""Files into the run's folder of artifacts, as one zip; names inside begin below the deepest folder of all."""

import glob
import hashlib
import os
import sys
import zipfile
from pathlib import Path

ask = os.environ.get
name, workspace = ask("NAME", ""), Path(ask("GITHUB_WORKSPACE", "."))
if set(name) & set('":<>|*?\r\n\\/'):
    sys.exit(f"The artifact name is not valid: {name}")
if ask("ARCHIVE") != "true":
    sys.exit("this stand-in knows archives only")
patterns = [str(workspace / line.strip()) for line in ask("PATHS", "").splitlines() if line.strip()]
roots = [Path(p) for p in patterns if not glob.has_magic(p)]
found = sorted({Path(f) for p in patterns for f in glob.glob(p, recursive=True, include_hidden=True)})
files = [f for f in found if f.is_file()] + [
    f for d in found if d.is_dir() for f in d.rglob("*") if f.is_file()
]
if ask("HIDDEN") != "true":
    files = [f for f in files if not any(part.startswith(".") for part in f.relative_to(workspace).parts)]
files = sorted(set(files))
if not files:
    message = f"No files were found with the provided path: {ask('PATHS')}. No artifacts will be uploaded."
    print(f"::{'error' if ask('IF_NONE') == 'error' else 'warning'}::{message}")
    sys.exit(ask("IF_NONE") == "error")
one = len(roots) == len(patterns) == 1
above = (
    (roots[0] if roots[0].is_dir() else roots[0].parent)
    if one
    else Path(os.path.commonpath([f.parent for f in files]))
)
target = Path(ask("STAND_INS_STORE", ""), "artifacts", ask("GITHUB_RUN_ID", ""), f"{name}.zip")
# Another attempt of the run may write its own; a second artifact of that name in one attempt may not.
attempt = target.with_suffix(f".attempt-{ask('GITHUB_RUN_ATTEMPT')}")
if target.exists() and attempt.exists() and ask("OVERWRITE") != "true":
    sys.exit(
        "Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists on the workflow run"
    )
target.parent.mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
    for file in files:
        archive.write(file, file.relative_to(above))
attempt.touch()
digest = hashlib.sha256(target.read_bytes()).hexdigest()
number = int(hashlib.sha256(f"{ask('GITHUB_RUN_ID')}/{target.name}".encode()).hexdigest()[:8], 16)
run = f"{ask('GITHUB_SERVER_URL')}/{ask('GITHUB_REPOSITORY')}/actions/runs/{ask('GITHUB_RUN_ID')}"
with Path(ask("GITHUB_OUTPUT", "")).open("a") as out:
    out.write(f"artifact-id={number}\nartifact-url={run}/artifacts/{number}\nartifact-digest={digest}\n")
