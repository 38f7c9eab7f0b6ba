"""Probes of a checkpoint's frozen features."""
