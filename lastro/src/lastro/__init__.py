"""Lastro: a model repository whose only interface is Git."""
