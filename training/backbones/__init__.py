"""Networks before their first step: by name, as baselines, with a head."""
