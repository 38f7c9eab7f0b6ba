"""What draws and edits regions on the slide."""
