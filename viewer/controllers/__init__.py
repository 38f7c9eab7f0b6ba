"""Controllers: each connects the document to the canvas, the engine or files."""
