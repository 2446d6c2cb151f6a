"""From predictions of held-out rows to metrics, intervals, slices, plot data and the verdict.

Everything is numpy: importing scikit-learn costs more than a whole evaluation, and 1,000 resamples need
metrics that take a matrix of weights. The tests hold every metric against scikit-learn's.
"""
