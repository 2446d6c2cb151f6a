"""`lastro history`: what was promoted, when, by whom and why."""

from __future__ import annotations

import click


@click.command("history")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(as_json: bool) -> None:
    """Show the promotions and rollbacks, newest first."""
    import json

    from lastro.core.paths import find_root
    from lastro.operations.registry import history
    from lastro.operations.registry.client import one_line, open_registry

    with one_line():
        registry = open_registry(find_root())
        snapshot = registry.snapshot()
        entries = [entry for entry in history.read_entries(snapshot) if entry.state != "claimed"][::-1]
        open_ends = {entry.key for entry in history.unfinished(registry, snapshot)}
    if as_json:
        found = [
            {**entry.to_json(), "finished": entry.state == "decided" and entry.key not in open_ends}
            for entry in entries
        ]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not entries:
        click.echo("nothing was promoted yet; lastro promote TAG")
        return
    from tabulate import tabulate

    rows = []
    for entry in entries:
        state = "abandoned" if entry.state == "abandoned" else "interrupted" if entry.key in open_ends else ""
        rows.append(
            [
                entry.number,
                entry.when,
                entry.who,
                entry.action,
                entry.alias,
                entry.from_release or (f"version {entry.from_version}" if entry.from_version else "-"),
                f"{entry.release} (version {entry.version})",
                entry.commit[:12],
                " ".join(filter(None, [entry.why, f"[{state}]" if state else ""])),
            ]
        )
    headers = ["#", "when (UTC)", "who", "action", "alias", "from", "to", "commit", "why"]
    click.echo(tabulate(rows, headers, disable_numparse=True))
