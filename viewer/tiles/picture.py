"""Areas of a display level as one image, from the tiles in memory."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from viewer.tiles.pyramid import TileKey
from viewer.tiles.source import TileSource


def picture(source: TileSource, index: int, area: QRect, icc: bool, look: int = 0) -> QImage | None:
    """An area (pixels of the level) as RGB32; None until all its tiles are in memory.

    Tiles that cannot be read are white.
    """
    assert source.pyramid is not None
    level = source.pyramid.levels[index]
    tiles = {key: source.tile(key) for key in tiles_under(source, index, area, icc, look)}
    if any(tile is None and not source.is_bad(key) for key, tile in tiles.items()):
        return None
    image = QImage(area.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.translate(-area.topLeft())
    for key, tile in tiles.items():
        if tile is not None:
            painter.drawImage(key.column * level.tile_width, key.row * level.tile_height, tile)
    painter.end()
    return image


def tiles_under(
    source: TileSource, index: int, area: QRect, icc: bool, look: int = 0
) -> list[TileKey]:
    """The tiles of a level that an area (pixels of the level) touches."""
    assert source.pyramid is not None
    d = source.pyramid.levels[index].downsample
    inner = QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5)  # touches no tile by rounding alone
    rect = (inner.left() * d, inner.top() * d, inner.right() * d, inner.bottom() * d)
    return source.pyramid.tiles_in(index, rect, icc, look)
