"""Scores of classifiers and reconstructions."""
