"""The name of a slide's session, by the slide's content."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ssmamba.slides.slide import SlideInfo


def key_of(info: SlideInfo) -> str:
    """32 hex digits: of the quick hash, the sizes of all levels and sampled pixels."""
    if not info.content_hash:
        return former_key(info)
    sizes = [(level.width, level.height) for level in info.levels]
    text = f"{info.quick_hash}:{info.width}x{info.height}:{sizes}:{info.content_hash}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def former_key(info: SlideInfo) -> str:
    """The key of earlier versions: OpenSlide's quick hash and the size."""
    text = f"{info.quick_hash}:{info.width}x{info.height}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def former_infos(info: SlideInfo) -> list[SlideInfo]:
    """The slide under each hash that earlier versions may have used, the latest first."""
    older = [replace(info, quick_hash=info.former_hash)] if info.former_hash else []
    return [info, *older]
