"""Random changes of batches of uint8 images, each repeatable by its generator."""
