"""Robustness of classifiers to changes of the images."""
