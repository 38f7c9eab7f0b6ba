"""What is painted on the canvas, from the tiles up."""
