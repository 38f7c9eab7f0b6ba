"""A slide's own tiles, decoded straight from its file where that gives OpenSlide's pixels."""
