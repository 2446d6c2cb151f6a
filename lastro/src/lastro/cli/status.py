"""`lastro status`: what stands behind the model, and whether dvc.lock is up to date."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lastro.cli.common import JSON, print_json

if TYPE_CHECKING:
    from lastro.operations.lineage.lineage import Lineage


@click.command("status")
@click.option("--rev", metavar="REV", help="A branch, tag or commit; without it, the files on disk.")
@JSON
def command(rev: str | None, as_json: bool) -> None:
    """Show the digests behind the model, and whether dvc.lock is up to date."""
    from lastro.core.paths import find_root
    from lastro.operations.lineage import lineage

    found = lineage.read(find_root(), rev)
    if as_json:
        print_json({**asdict(found), "lock": _lock(found)})
    else:
        click.echo(_as_text(found, rev))


def _as_text(found: Lineage, rev: str | None) -> str:
    commit = found.commit[:12] if found.commit else "none yet"
    rows = [
        ("commit", f"{commit} (dirty: tracked files differ from it)" if found.dirty else commit),
        ("model", found.model),
        ("data", found.data),
        ("params", found.params),
        ("predictions", found.predictions or "none"),
        ("lock", _lock(found)),
    ]
    lines = [f"{name:<12} {value}" for name, value in rows]
    lines += [f"  {reason.stage}: {reason.what}" for reason in found.outdated]
    if found.outdated:
        where = f"on a branch from {rev}: " if rev else ""
        fixes = ", ".join(dict.fromkeys(reason.fix for reason in found.outdated))
        lines.append(f"{'fix':<12} {where}{fixes}, then commit dvc.lock")
    if found.unverified:
        lines.append(f"{'unverified':<12} cannot be compared from here")
        lines += [f"  {reason.stage}: {reason.what}" for reason in found.unverified]
    return "\n".join(lines)


def _lock(found: Lineage) -> str:
    return "outdated" if found.outdated else "up to date"
