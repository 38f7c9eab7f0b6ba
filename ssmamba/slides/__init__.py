"""Slides and plain images: opening, pixels, colour profiles, tissue masks."""
