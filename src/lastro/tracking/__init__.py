"""MLflow runs: found by the digest of the model, rebuilt from the stages' outputs at any time.

A stage imports `sidecar` alone. Everything else here runs in the side-car's process, or in `lastro sync`.
"""
