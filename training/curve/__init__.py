"""The few-label curve of a pre-trained encoder: frozen, and fine-tuned against scratch."""
