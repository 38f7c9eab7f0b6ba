"""What the viewer keeps on disk, without Qt."""
