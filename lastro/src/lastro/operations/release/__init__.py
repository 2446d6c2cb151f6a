"""Release tags, the plan of a release, the chain behind a model."""
