"""Whether the world has moved away from the model in production: its inputs, and how well it predicts."""
