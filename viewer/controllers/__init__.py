"""What the viewer does: each controller joins the document to the canvas, the engine or a file."""
