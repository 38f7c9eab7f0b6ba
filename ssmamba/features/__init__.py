"""Feature files: tiles of a slide with what an encoder says of them, ours and other programs'."""
