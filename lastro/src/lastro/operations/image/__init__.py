"""The published image: build, verify, publish."""
