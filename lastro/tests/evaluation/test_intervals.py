"""The intervals: that they are right, the same everywhere, and shrink with more rows."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lastro.core.errors import LastroError
from lastro.core.metric_names import names
from lastro.core.params import Evaluation
from lastro.evaluation import metrics
from lastro.evaluation.metrics import Resampled, bootstrap, improvements, interval, poisson_weights


def all_samples(predictions, resamples=100, seed=1) -> bytes:
    wanted = names(predictions.task, len(predictions.labels))
    return b"".join(samples.tobytes() for samples in bootstrap(predictions, wanted, resamples, seed).values())


@settings(max_examples=30)
@given(
    k=st.sampled_from([0, 2, 4]),
    seed=st.integers(0, 1000),
    decimals=st.sampled_from([None, 1]),
    rows_per_key=st.sampled_from([1, 5]),
)
def test_shuffling_rows_changes_no_bit(model, k, seed, decimals, rows_per_key):
    predictions = model(80, k, seed, decimals=decimals)
    predictions = replace(predictions, keys=predictions.keys // np.uint64(rows_per_key))
    shuffled = predictions.take(np.random.default_rng(seed).permutation(80))
    assert all_samples(shuffled) == all_samples(predictions)


def test_the_number_of_threads_changes_no_bit(model, monkeypatch):
    for k in (2, 4, 0):
        predictions, found = model(5000, k), set()
        for threads in (1, 3):
            monkeypatch.setattr(metrics, "_MAX_THREADS", threads)
            monkeypatch.setattr(os, "cpu_count", lambda: 8)
            found.add(all_samples(predictions))
        assert len(found) == 1


def test_threads_of_the_libraries_change_no_bit(tmp_path, model):
    for k in (2, 4, 0):
        model(3000, k).write(tmp_path / f"{k}.parquet")
    code = (
        "import sys, json; from pathlib import Path\n"
        "from lastro.evaluation.metrics import Resampled\n"
        "from lastro.evaluation.predictions import Predictions\n"
        "from lastro.core.params import Evaluation\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    found = Resampled.of(Predictions.read(path), Evaluation(resamples=100))\n"
        "    print(found.values, {name: found.interval(name) for name in found.values})\n"
    )
    texts = set()
    for threads in ("1", "4"):
        variables = {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "VECLIB_MAXIMUM_THREADS": threads,
        }
        command = [sys.executable, "-c", code, str(tmp_path)]
        run = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
        texts.add(run.stdout)
    assert len(texts) == 1
    assert "roc_auc" in texts.pop()


def test_samples_are_what_naive_resampling_gives(model):
    """Rows drawn with replacement and scikit-learn's metric: the same centre and ends, up to chance."""
    predictions = model(400)
    random, naive = np.random.default_rng(0), []
    for _ in range(1500):
        rows = random.integers(0, 400, 400)
        naive.append(roc_auc_score(predictions.truth[rows], predictions.scores[rows, 1]))
    ours = bootstrap(predictions, ("roc_auc",), 4000, 0)["roc_auc"]
    spread = np.std(naive)
    assert abs(np.mean(ours) - np.mean(naive)) < 0.1 * spread
    assert np.std(ours) == pytest.approx(spread, rel=0.07)
    np.testing.assert_allclose(interval(ours), interval(np.array(naive)), atol=0.25 * spread)


def test_the_spread_of_accuracy_is_the_binomial_one(model):
    predictions = model(1000)
    right = np.mean(predictions.predicted == predictions.truth)
    samples = bootstrap(predictions, ("accuracy",), 4000, 0)["accuracy"]
    assert np.std(samples) == pytest.approx(np.sqrt(right * (1 - right) / 1000), rel=0.05)


def test_nine_in_ten_intervals_or_more_hold_the_truth(model):
    """95 % in theory; percentile intervals of 150 rows fall a little short, and 200 trials vary by 3 points."""
    for k, name in ((2, "accuracy"), (2, "roc_auc"), (2, "log_loss"), (0, "mae"), (0, "r2")):
        population = model(200_000, k, seed=999)
        true = Resampled.of(population, Evaluation(resamples=100), (name,)).values[name]
        held = 0
        for seed in range(200):
            low, high = interval(bootstrap(model(150, k, seed), (name,), 200, seed)[name])
            held += low <= true <= high
        assert 0.88 <= held / 200 <= 0.99, name


@pytest.mark.parametrize("k", [2, 4, 0])
def test_more_rows_narrow_every_interval(model, k):
    """Four times the rows, about half the width; averaged over models, as a single interval may do otherwise."""
    widths = {}
    for n in (250, 1000):
        for seed in range(8):
            found = Resampled.of(model(n, k, seed), Evaluation(resamples=200))
            for name in found.values:
                low, high = found.interval(name)
                widths.setdefault(name, {}).setdefault(n, []).append(high - low)
    for name, width in widths.items():
        assert 0.35 < np.mean(width[1000]) / np.mean(width[250]) < 0.7, name


def test_weights_have_the_mean_and_the_variance_of_the_bootstrap():
    weights = poisson_weights((100, 10_000), 5, 0)
    assert weights.mean() == pytest.approx(1, abs=0.005)
    assert weights.var() == pytest.approx(1, abs=0.01)
    assert np.mean(weights == 0) == pytest.approx(np.exp(-1), abs=0.003)
    shared = np.corrcoef(weights[:50].reshape(-1), weights[50:].reshape(-1))[0, 1]
    assert abs(shared) < 0.01


def test_seeds_and_chunks_differ():
    first = poisson_weights((10, 100), 5, 0)
    assert (first == poisson_weights((10, 100), 5, 0)).all()
    assert (first != poisson_weights((10, 100), 5, 1)).any()
    assert (first != poisson_weights((10, 100), 2**63 - 1, 0)).any()


def test_an_interval_rests_on_enough_defined_resamples():
    samples = np.linspace(0, 1, 100)
    assert interval(samples) == pytest.approx((0.025, 0.975))
    samples[:5] = np.nan
    assert np.isfinite(interval(samples)).all()
    samples[5] = np.inf
    assert np.isnan(interval(samples)).all()
    assert np.isnan(interval(np.array([]))).all()


def test_a_class_of_one_row_has_no_interval(model):
    predictions = model(50)
    predictions = replace(predictions, truth=np.eye(50, dtype=int)[0])
    found = Resampled.of(predictions, Evaluation())
    assert np.isfinite(found.values["roc_auc"])
    assert np.isnan(found.interval("roc_auc")).all()
    assert np.isfinite(found.interval("log_loss")).all()


def gains_of(candidate, champion):
    return improvements(candidate, champion, ("log_loss",), 300, 0)["log_loss"]


def test_pairs_share_their_rows(model):
    """Two models that err on the same rows: their difference is known better than either of them."""
    champion = model(500)
    blurred = champion.scores[:, 1] * 0.98 + 0.01
    candidate = replace(champion, scores=np.stack([1 - blurred, blurred], axis=1))
    gains = gains_of(candidate, champion)
    alone = bootstrap(candidate, ("log_loss",), 300, 0)["log_loss"]
    assert np.std(gains) < 0.2 * np.std(alone)
    np.testing.assert_array_equal(gains_of(champion, candidate), -gains)
    assert not gains_of(champion, champion).any()


def test_pairs_need_the_same_rows(model):
    with pytest.raises(LastroError, match="align them by key"):
        improvements(model(50, seed=1), model(50, seed=2), ("accuracy",), 100, 0)
