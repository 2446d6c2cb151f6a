"""What dvc.yaml calls: prepare, train, evaluate."""
