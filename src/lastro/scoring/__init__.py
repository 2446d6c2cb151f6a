"""Serving a trained model: what travels with the artifact."""
