"""Networks before training: by name, as baselines, with a classifier head."""
