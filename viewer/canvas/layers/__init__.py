"""The layers of the canvas, from the tiles up."""
