"""A report as a job writes it."""

from __future__ import annotations

import pytest

from lastro.operations.report.content import Change, Chart, Difference, Metric, Other, Report, Rule, Slice


@pytest.fixture
def make():
    """A report with the given fields replaced."""

    def made(**changes) -> Report:
        content = {
            "model_name": "town",
            "family": "xgboost",
            "task": "classification",
            "rows": 80,
            "model": "0" * 32,
            "lock": "updated",
            "ran": ["train"],
            "seconds": 3.0,
            "changes": [Change(key="model.params.max_depth", before="3", after="4")],
            "primary": "roc_auc",
            "metrics": [
                Metric(
                    name="roc_auc", value=0.9, low=0.8, high=0.95,
                    base=Difference(value=0.85, gain=0.05, low=-0.01, high=0.1),
                )
            ],
            "base": Other(name="origin/main at 0123", rows=80),
            "production": Other(name="production", missing="nothing is in production yet"),
            "slices": [Slice(column="city", group="north", rows=40, value=0.8, low=0.7, high=0.9)],
            "passed": True,
            "rules": [Rule(name="rows", passed=True, detail="80 held-out rows")],
            "charts": [Chart(kind="roc", x_low=0.0, x_high=1.0, lines={"": [0.0, 1.0]})],
        }  # fmt: skip
        return Report(**{**content, **changes})

    return made
