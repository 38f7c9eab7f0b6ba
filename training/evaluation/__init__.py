"""Evaluation of checkpoints: scores, CAMs on mosaics, a colour forest, limits of "not sure"."""
