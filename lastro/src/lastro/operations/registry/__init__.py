"""Versions, aliases and the promotion history."""
