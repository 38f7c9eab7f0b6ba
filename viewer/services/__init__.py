"""Services of the window and its controllers: engine, background work, notices, collector."""
