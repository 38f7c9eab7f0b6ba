"""Training and measuring of models that read whole slides."""
