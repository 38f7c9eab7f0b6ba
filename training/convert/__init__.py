"""Conversion of published encoders' weights to checkpoints with a card."""
