"""Self-supervised training of slide models: LatentMIM and DINO, and the collapse that they risk."""
