"""Your code of the model. The stages depend on this folder, and it travels with the model."""
