"""From a source to typed, split, keyed tables."""
