"""The published image: built by `mlflow models build-docker` and the Dockerfile, verified, pushed."""
