"""`lastro reproduce`: does the commit still make its model?"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import click

from lastro.cli.common import JSON, opened_registry, print_json


@click.command("reproduce")
@click.argument("what", metavar="[WHAT]", default="HEAD")
@JSON
def command(what: str, as_json: bool) -> None:
    """Run the pipeline of WHAT's commit again, without cache, and compare the bytes of every output with its dvc.lock.

    WHAT is what `lastro trace` takes; without it HEAD. The working copy is not touched and nothing is tracked. Exit code 1
    where a byte differs.
    """
    from lastro.core.paths import find_root
    from lastro.operations.lineage.reproduce import reproduce

    root = find_root()
    # As Ctrl-C does: the temporary working copy is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    commit = _commit(root, what)
    click.echo(f"reproducing {commit[:12]}", err=True)
    done = reproduce(root, commit)
    first = done.first_difference
    if as_json:
        print_json(done.to_json())
    else:
        for output in done.outputs:
            state = "same" if output.same else f"differs: recorded {output.recorded}, made {output.made}"
            click.echo(f"{output.stage:<9}{output.path:<28} {state}")
        if first is None:
            click.echo(
                f"reproduced: model {done.lineage.model} of {commit[:12]}, and all other outputs, byte by byte"
            )
        else:
            click.echo(
                f"not reproduced: the stage {first.stage} is the first to differ ({first.path}); {_why(root)}"
            )
    sys.exit(0 if first is None else 1)


def _commit(root: Path, what: str) -> str:
    """Find the commit; the tracking store is asked only where Git does not know."""
    from lastro.operations.lineage import git

    if what == "HEAD" or re.fullmatch(r"[0-9a-f]{40}", what):
        return git.resolve(root, what)
    if git.has_tag(root, what):
        return git.resolve(root, f"refs/tags/{what}")
    from lastro.operations.release.trace import find_commit
    from lastro.operations.release.trace_find import find_start

    with opened_registry() as (registry, _):
        return find_commit(registry, root, find_start(registry, root, what))


def _why(root: Path) -> str:
    from lastro.operations.lineage.doctor import different_packages

    found = different_packages(root / "requirements" / "runtime.lock")
    if found:
        return f"installed packages differ from requirements/runtime.lock ({', '.join(map(str, found[:3]))}): make setup"
    return "the packages are those of the lock: the data, the code or the processor made the difference"
