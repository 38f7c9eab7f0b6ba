"""Texts shown to the user, without Qt."""
