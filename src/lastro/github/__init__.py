"""The few calls to GitHub: comments, statuses, releases and what else the workflows ask for. No model, no MLflow."""
