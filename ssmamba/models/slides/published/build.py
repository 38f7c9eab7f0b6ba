"""The published slide encoders by name; all read features of tiles with their places."""

from __future__ import annotations

from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.published.gigapath import GigaPathSlide
from ssmamba.models.slides.published.hipt import HIPT

WIDTHS = {"gigapath-slide": 768, "hipt": 192}  # channels of the published file, or the smallest
PUBLISHED = tuple(WIDTHS)
DEPTHS = {("gigapath-slide", 1024): 24, ("hipt", 192): 6}  # by name and channels; others have 12
DEPTH = 12


def depth_of(name: str, dim: int) -> int:
    """Layers of the published encoder of so many channels."""
    return DEPTHS.get((name, dim), DEPTH)


def build_published(
    name: str, features: int, dim: int, dropout: float, depth: int = 0
) -> SlideEncoder:
    """An untrained encoder of a name in PUBLISHED. depth: layers; 0 = as published."""
    depth = depth or depth_of(name, dim)
    if name == "gigapath-slide":
        return GigaPathSlide(features, dim, depth)
    return HIPT(features, dim, depth, dropout)
