"""Whole slides read by a model without a window: the library behind ``ssmamba.scan``."""
