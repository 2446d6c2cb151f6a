"""Record MLflow runs, found by the digest of the model."""
