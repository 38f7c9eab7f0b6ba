"""Audit of a data set for biases that inflate an accuracy: copies, shortcuts, batches."""
