"""The content of evaluation.json and of the model card.

The card says what the model is for, what it was made from, how good it is and where it is not; its sections follow Mitchell
et al., Model Cards for Model Reporting, FAT* 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from lastro.core.markdown import code
from lastro.core.metric_names import METRICS
from lastro.evaluation.metrics import Prior, Resampled, baseline_metrics
from lastro.evaluation.text import HEADERS, metric_rows, rounded, slice_table

if TYPE_CHECKING:
    from lastro.core.params import Evaluation, Params
    from lastro.evaluation.gate import Verdict
    from lastro.tables.schema import Column, Schema


def summarise(resampled: Resampled, prior: Prior, evaluation: Evaluation) -> dict[str, Any]:
    """Compute every metric with its interval, the dummy's and each slice's: JSON-ready, to six digits, null where undefined.

    prior: (k,) class shares or the mean of the training target.

    Raises:
        LastroError: a slice column that the predictions don't hold, a prior that does not fit.
    """
    predictions = resampled.source
    dummy = baseline_metrics(predictions, prior, resampled.values)
    metrics = {
        name: found | {"baseline": rounded(dummy[name]), "higher_is_better": METRICS[name].higher_is_better}
        for name, found in _with_intervals(resampled).items()
    }
    slices = {
        column: {
            group: {"rows": len(rows), "metrics": _with_intervals(Resampled.of(rows, evaluation))}
            for group, rows in predictions.groups(column)
        }
        for column in evaluation.slices
    }
    return {"task": predictions.task, "rows": len(predictions), "metrics": metrics, "slices": slices}


def _with_intervals(resampled: Resampled) -> dict[str, dict[str, Any]]:
    found = {}
    for name, value in resampled.values.items():
        low, high = resampled.interval(name)
        found[name] = {"value": rounded(value), "low": rounded(low), "high": rounded(high)}
    return found


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
    ]
    for column, groups in evaluation["slices"].items():
        headers, cells = slice_table(groups, maximum=None)
        parts += [
            f"### By {code(column)}",
            _table([[code(group), *others] for group, *others in cells], ["group", *headers]),
        ]
    parts += [
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
