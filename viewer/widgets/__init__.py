"""Small widgets without knowledge of slides or models."""
