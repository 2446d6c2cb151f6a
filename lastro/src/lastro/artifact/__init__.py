"""What travels with a model."""
