"""Releases: what a tag means, and whether its model may be released."""
