"""Bundled checkpoints, icons, style and configs."""
