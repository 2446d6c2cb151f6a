"""The model card: what the model is for, what it was made from, how good it is and where it is not.

Its sections follow Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from lastro.core.markdown import code
from lastro.evaluation.text import HEADERS, metric_rows, number

if TYPE_CHECKING:
    from lastro.core.params import Params
    from lastro.evaluation.gate import Verdict
    from lastro.tables.schema import Column, Schema


def model_card(
    params: Params, schema: Schema, training: dict[str, Any], evaluation: dict[str, Any], verdict: Verdict
) -> str:
    """Write the model card as Markdown."""
    # The record holds what params.yaml says, and it may leave the section out.
    settings = training["params"].get("model", {}).get("params") or {}
    rows = training["rows"]
    parts = [
        f"# {params.name}",
        f"Predicts {code(schema.target.name)} ({schema.task}) from {len(schema.features)} columns with the family "
        f"{code(params.model.family)}. Verdict: **{'pass' if verdict.passed else 'fail'}**.",
        "## Data",
        f"Source {code(training['params']['data']['source'])}: {rows['train']} rows to train on, "
        f"{rows['validation']} to stop the training, {evaluation['rows']} held out and never seen.",
        "## Hyperparameters",
        _table([[code(key), code(value)] for key, value in settings.items()], ["name", "value"])
        if settings
        else "The library's defaults.",
        "## Metrics on the held-out rows",
        _table(metric_rows(evaluation["metrics"]), HEADERS),
        *_slices(evaluation["slices"]),
        "## Verdict",
        "\n".join(
            f"- {'passes' if rule.passed else '**fails**'}: {code(f'{rule.name}: {rule.detail}', 1000)}"
            for rule in verdict.rules
        ),
        "## Inputs",
        _table(
            [_input(column) for column in schema.features],
            ["column", "type", "may be missing", "seen in the data"],
        ),
        "## Limits",
        "The intervals say how much another draw of held-out rows would change the numbers; they say nothing about "
        "data that comes from elsewhere or later. Values outside the ranges above were never seen.",
    ]
    return "\n\n".join(parts) + "\n"


def _slices(slices: dict[str, Any]) -> list[str]:
    parts = []
    for column, groups in slices.items():
        names = list(next(iter(groups.values()))["metrics"])
        rows = [
            [code(group), result["rows"], *(number(result["metrics"][name]["value"]) for name in names)]
            for group, result in groups.items()
        ]
        parts += [f"### By {code(column)}", _table(rows, ["group", "rows", *names])]
    return parts


def _input(column: Column) -> list[str]:
    if column.categories:
        seen = ", ".join(column.categories[:10]) + (", ..." if len(column.categories) > 10 else "")
    elif column.minimum is not None:
        seen = f"{column.minimum} to {column.maximum}"
    else:
        seen = ""
    return [code(column.name), column.kind, "yes" if column.nullable else "no", code(seen) if seen else ""]


def _table(rows: list[list], headers: list[str]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)
