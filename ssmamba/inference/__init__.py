"""From windows to answers, and whether to trust them."""
