"""Several models' evidence maps of the same place, side by side."""
