"""The image's scoring app."""
