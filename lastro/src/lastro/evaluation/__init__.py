"""From predictions to metrics, a verdict and the reports."""
