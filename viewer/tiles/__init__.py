"""Tiles of a slide as QImages: read in worker threads, kept in a byte-bounded cache."""
