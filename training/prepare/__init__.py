"""Preparation of a data set's published download for the training commands."""
