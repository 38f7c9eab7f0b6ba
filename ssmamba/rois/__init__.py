"""Regions of interest: geometry and GeoJSON."""
