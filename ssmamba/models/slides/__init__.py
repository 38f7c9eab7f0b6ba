"""Models that read whole slides: Pixel-Mamba, and Vision Mamba on the same regions."""
