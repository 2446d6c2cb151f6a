"""The content of evaluation.json: every metric with its interval, next to the dummy's, and per slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lastro.evaluation.baseline import Prior, baseline_metrics
from lastro.evaluation.intervals import Resampled
from lastro.evaluation.metrics import METRICS
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.text import rounded

if TYPE_CHECKING:
    from lastro.core.params import Evaluation


def summarise(
    predictions: Predictions, prior: Prior, evaluation: Evaluation, resampled: Resampled | None = None
) -> dict[str, Any]:
    """Compute every metric with its interval, the dummy's and each slice's: JSON-ready, to six digits, null where undefined.

    prior: (k,) class shares or the mean of the training target. resampled: what `Resampled.of` has found for
    these predictions already.

    Raises:
        LastroError: a slice column that the predictions don't hold, a prior that does not fit.
    """
    resampled = Resampled.reuse(resampled, predictions, evaluation)
    dummy = baseline_metrics(predictions, prior, tuple(resampled.values))
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
