"""What the viewer knows, without Qt."""
