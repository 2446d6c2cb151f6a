"""`lastro trace`: the chain behind a model."""

from __future__ import annotations

import click


@click.command("trace")
@click.argument("what", metavar="[WHAT]", default="HEAD")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(what: str, as_json: bool) -> None:
    """Show the chain that WHAT belongs to: commit, data, parameters, run, metrics, verdict, version, release, image.

    WHAT is a version number, an alias, a release tag, a run id, a branch or commit (without it HEAD), a model file, or an
    image. Exit code 1 where the chain is broken.
    """
    import json
    import sys

    from lastro.core.paths import find_root
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.release.trace import follow
    from lastro.operations.release.trace_start import find_start
    from lastro.operations.release.trace_text import as_text

    root = find_root()
    with one_line():
        registry = open_registry(root)
        chain = follow(registry, root, find_start(registry, root, what))
    click.echo(json.dumps(chain.to_json(), indent=2, ensure_ascii=False) if as_json else as_text(chain))
    sys.exit(1 if chain.broken else 0)
