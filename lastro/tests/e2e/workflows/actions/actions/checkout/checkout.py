"""What actions/checkout does: fetch over HTTP with the token, check out, leave the token behind only if asked to."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ask = os.environ.get
folder = Path(ask("GITHUB_WORKSPACE", "."), ask("FOLDER", ""))
url = f"{ask('GITHUB_SERVER_URL')}/{ask('REPOSITORY')}"
header = base64.b64encode(f"x-access-token:{ask('TOKEN')}".encode()).decode()
extra = f"http.{ask('GITHUB_SERVER_URL')}/.extraheader=AUTHORIZATION: basic {header}"
event = json.loads(Path(ask("GITHUB_EVENT_PATH", "")).read_text())


def git(*arguments: str) -> str:
    command = ["git", *(["-c", extra] if ask("TOKEN") else []), *arguments]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def refuse_fork_code(ref: str) -> None:
    """Since v7: code of a fork's pull request is not checked out where the token may write."""
    run = event.get("workflow_run") or {}
    risky = ask("GITHUB_EVENT_NAME") == "workflow_run" and run.get("event", "").startswith("pull_request")
    if not risky or ask("ALLOW_UNSAFE") == "true":
        return
    fork = run["head_repository"]["full_name"]
    of_fork = fork != ask("GITHUB_REPOSITORY")
    if of_fork and (ask("REPOSITORY") == fork or re.match("refs/pull/", ref) or ref == run["head_sha"]):
        sys.exit("Refusing to check out fork pull request code from a workflow_run workflow.")


own = ask("REPOSITORY") == ask("GITHUB_REPOSITORY")
wanted = ask("REF") or (ask("GITHUB_REF", "") if own else "")
sha = ask("GITHUB_SHA") if own and wanted == ask("GITHUB_REF") else None
refuse_fork_code(ask("REF", ""))
folder.mkdir(parents=True, exist_ok=True)
subprocess.run(["git", "init", "-q", str(folder)], check=True)
git("remote", "add", "origin", url)
if not wanted.startswith("refs/") and not re.fullmatch("[0-9a-f]{40}", wanted):
    heads = git("ls-remote", "origin", f"refs/heads/{wanted}", f"refs/tags/{wanted}").split()
    wanted = heads[1] if len(heads) > 1 else "HEAD"
depth = ["--no-tags", f"--depth={ask('DEPTH')}"] if ask("DEPTH") != "0" else ["--tags"]
depth = ["--tags", depth[1]] if ask("TAGS") == "true" and len(depth) > 1 else depth
local = re.sub("^refs/heads/", "refs/remotes/origin/", re.sub("^refs/pull/", "refs/remotes/pull/", wanted))
specs = [f"+{sha or wanted}:{local}"] if wanted.startswith("refs/") else [wanted]
if ask("DEPTH") == "0":
    # Branches and tags come whole; what is left is a commit or a pull request's ref.
    specs = [s for s in specs if "/remotes/origin/" not in s and ":refs/tags/" not in s]
    specs.insert(0, "+refs/heads/*:refs/remotes/origin/*")
git("fetch", "-q", *depth, "origin", *specs)
if wanted.startswith("refs/heads/"):
    branch = wanted.removeprefix("refs/heads/")
    git("checkout", "-q", "-B", branch, sha or local)
    git("config", f"branch.{branch}.remote", "origin")
    git("config", f"branch.{branch}.merge", wanted)
else:
    # A commit by its own name: FETCH_HEAD is the first of what was fetched.
    git("checkout", "-q", "--detach", "FETCH_HEAD" if wanted == "HEAD" else local)
if ask("PERSIST") == "true" and ask("TOKEN"):
    git("config", "--local", *extra.split("=", 1))
with Path(ask("GITHUB_OUTPUT", "")).open("a") as out:
    out.write(f"ref={ask('REF')}\ncommit={git('rev-parse', 'HEAD')}\n")
