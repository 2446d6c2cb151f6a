"""The registry: one registered model per repository, whose versions are joined to commits by the model's digest.

Nothing else touches versions, aliases and the promotion history. Only calls that every MLflow store knows are made.
"""
