"""TIFF files: their directory, their tiles and strips, and the colours in them."""
