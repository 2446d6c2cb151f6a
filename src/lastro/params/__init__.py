"""params.yaml, typed and strict."""
