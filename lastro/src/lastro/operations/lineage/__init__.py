"""Git and DVC: which commit, data and parameters are behind a model."""
