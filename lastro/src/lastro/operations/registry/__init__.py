"""Register models, and manage versions, aliases and the promotion history."""
