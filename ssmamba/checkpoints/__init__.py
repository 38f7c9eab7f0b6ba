"""Checkpoint files, their cards and labels."""
