"""What everything else stands on: params.yaml, errors, paths, files."""
