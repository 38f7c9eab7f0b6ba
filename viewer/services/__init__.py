"""What the window and its controllers share: engine, background work, notices, collector."""
