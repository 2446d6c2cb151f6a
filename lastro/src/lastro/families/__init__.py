"""Model families and their training."""
