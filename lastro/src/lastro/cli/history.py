"""`lastro history`: what was promoted, when, by whom and why."""

from __future__ import annotations

import click

from lastro.cli.common import JSON, opened_registry, print_json, print_table


@click.command("history")
@JSON
def command(as_json: bool) -> None:
    """Show the promotions and rollbacks, newest first."""
    from lastro.operations.registry import history

    with opened_registry() as (registry, _):
        snapshot = registry.snapshot()
        entries = [entry for entry in history.read_entries(snapshot) if entry.state != "claimed"][::-1]
        open_ends = {entry.key for entry in history.unfinished(registry, snapshot)}
    if as_json:
        print_json(
            [
                {**entry.to_json(), "finished": entry.state == "decided" and entry.key not in open_ends}
                for entry in entries
            ]
        )
        return
    if not entries:
        click.echo("nothing was promoted yet; lastro promote TAG")
        return
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
    print_table(rows, ["#", "when (UTC)", "who", "action", "alias", "from", "to", "commit", "why"])
