"""Random changes of batches of uint8 images; each takes a generator, so a step can be repeated."""
