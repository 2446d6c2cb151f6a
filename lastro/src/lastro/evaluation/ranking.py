"""Metrics of an order: ROC AUC and average precision of one class against the rest, under many weightings."""

from __future__ import annotations

import numpy as np

from lastro.evaluation.scratch import Scratch


class Ranking:
    """Sorts once, then answers for every matrix of weights with one cumulative sum.

    scores: (n,) finite. positive: (n,) bool. Rows with equal scores are one threshold: for ROC AUC a tie
    counts half, for average precision tied rows enter together.
    """

    def __init__(self, scores: np.ndarray, positive: np.ndarray):
        # Within a tie negatives come first, so that both ends of its positives are places in the order.
        self.order = np.lexsort((positive, -scores))
        scores, positive = scores[self.order], positive[self.order]
        starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
        positives = np.add.reduceat(positive.astype(np.int64), starts)
        ends = np.append(starts[1:], len(scores))
        # Neither metric changes at a threshold without positives: the negatives there count at the next one.
        held = positives > 0
        self.before, self.end = starts[held], ends[held]
        self.between = self.end - positives[held]
        self.tied = bool((self.before != self.between).any())

    def __call__(
        self, weights: np.ndarray, scratch: Scratch, roc_auc: bool, average_precision: bool
    ) -> dict[str, np.ndarray]:
        """weights: (b, n), integers (exact) or floats; returns (b,) arrays, NaN where undefined.

        Sources: ROC AUC as the Mann-Whitney statistic, Hanley and McNeil (1982); average precision as the sum
        over thresholds of (R_i - R_(i-1)) P_i, Manning et al., Introduction to Information Retrieval, ch. 8.
        """
        exact = weights.dtype.kind in "iu"
        kind = np.int32 if exact else np.float64
        below = scratch("below", (len(weights), len(self.order) + 1), kind)
        below[:, 0] = 0
        np.cumsum(scratch.take("ordered", weights, self.order), axis=1, dtype=kind, out=below[:, 1:])
        end = scratch.take("end", below, self.end)
        hits = scratch.take("hits", below, self.between)
        np.subtract(end, hits, out=hits)
        found = np.cumsum(hits, axis=1, dtype=kind, out=scratch("found", hits.shape, kind))
        total = hits.sum(axis=1, dtype=np.float64)
        mass, result = scratch.floats("mass", hits), {}
        if roc_auc:
            # Negatives above each threshold; where some are tied with its positives, both ends of the tie.
            above = np.subtract(end, found, out=scratch("above", end.shape, kind))
            if self.tied:
                above += scratch.take("before", below, self.before)
                above += hits
                above -= found
            inversions = np.einsum("bg,bg->b", mass, scratch.floats("ratio", above)) / (2 if self.tied else 1)
            result["roc_auc"] = 1 - inversions / (total * (below[:, -1] - total))
        if average_precision:
            np.maximum(end, 1 if exact else np.finfo(float).tiny, out=end)
            precision = np.divide(found, end, out=scratch("ratio", end.shape, np.float64))
            result["average_precision"] = np.einsum("bg,bg->b", mass, precision) / total
        return result
