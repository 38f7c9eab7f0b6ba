"""Published encoders' weights into checkpoints with a card."""
