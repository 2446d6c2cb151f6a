"""From a source to typed, keyed, split rows."""
