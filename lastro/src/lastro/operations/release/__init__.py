"""Plan and promote releases, and trace the chain behind a model."""
