"""The scoring app inside the published image: MLflow's scoring protocol over ASGI, without a data frame on the way."""
