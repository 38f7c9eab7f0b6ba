"""The minimap in the corner: the whole slide with the visible area."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from viewer.canvas import habits
from viewer.canvas.layers.scale_bar import EDGE_PX, HEIGHT_PX
from viewer.canvas.layers.seen import SeenLayer
from viewer.canvas.view import View
from viewer.state.seen import Seen
from viewer.tiles.picture import picture
from viewer.tiles.source import TileSource

SIDE_PX = 170.0  # longer side, logical pixels
FRAME = QColor(90, 96, 104, 160)
VIEW_INK = QColor(214, 40, 57)
SMALLEST_VIEW_PX = 5.0  # the rectangle stays visible however near one is
FINEST_OVERVIEW_PX = 2500  # a finer level would take too long to shrink
HIDE_BELOW = 3.0  # no overview in widgets less than this many times its own size


class Minimap:
    """Paints the overview, and maps its pixels to the slide."""

    def __init__(self) -> None:
        self._picture = QImage()
        self._is_final = False  # made of the slide's tiles, not of its thumbnail
        self.seen: Seen | None = None  # shown as a tint
        self._seen_layer = SeenLayer()

    def forget(self) -> None:
        """The slide or its colours changed."""
        self._picture = QImage()
        self._is_final = False

    def refresh(self) -> None:
        """Other colours of the view: the old picture stays until the new one is there."""
        self._is_final = False

    def place(self, source: TileSource, view: View, dpr: float) -> QRect | None:
        """Its rectangle, device pixels; None when the widget is too small for it."""
        if source.info is None:
            return None
        longest = min(SIDE_PX * dpr, min(view.width, view.height) / HIDE_BELOW)
        if longest < 60 * dpr:
            return None
        factor = longest / max(source.info.width, source.info.height)
        width = max(8, round(source.info.width * factor))
        height = max(8, round(source.info.height * factor))
        edge = round(EDGE_PX * dpr)
        below, beside = habits.current().minimap_corner.split("-")
        bottom = view.height - edge - height
        if beside == "left":  # where the scale bar is
            bottom -= round((HEIGHT_PX + EDGE_PX) * dpr)
        x = edge if beside == "left" else view.width - edge - width
        return QRect(x, edge if below == "top" else bottom, width, height)

    def slide_place(self, source: TileSource, place: QRect, x: float, y: float) -> QPointF:
        """A device pixel on the overview → level-0 pixels."""
        assert source.info is not None
        return QPointF(
            (x - place.x()) / place.width() * source.info.width,
            (y - place.y()) / place.height() * source.info.height,
        )

    def paint(
        self,
        painter: QPainter,
        source: TileSource,
        view: View,
        dpr: float,
        icc: bool,
        magnification: float | None,
    ) -> None:
        """magnification: of the slide at 1:1; None = unknown."""
        place = self.place(source, view, dpr)
        if place is None or source.info is None:
            return
        if not self._is_final or self._picture.size() != place.size():
            self._compose(source, place, icc)
        painter.fillRect(place, QColor(255, 255, 255))
        if not self._picture.isNull():
            painter.drawImage(place.topLeft(), self._picture)
        if self.seen is not None and self.seen.is_any:
            tint = self._seen_layer.picture(self.seen, magnification, place.size())
            painter.drawImage(place.topLeft(), tint)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(FRAME, max(1, round(dpr))))
        painter.drawRect(QRectF(place).adjusted(-0.5, -0.5, 0.5, 0.5))
        self._paint_view(painter, source, view, place, dpr)

    def _paint_view(
        self, painter: QPainter, source: TileSource, view: View, place: QRect, dpr: float
    ) -> None:
        assert source.info is not None
        sx, sy = place.width() / source.info.width, place.height() / source.info.height
        if view.is_oblique:
            self._paint_oblique(painter, view, place, (sx, sy), dpr)
            return
        left, top, right, bottom = view.rect
        box = QRectF(
            place.x() + left * sx, place.y() + top * sy, (right - left) * sx, (bottom - top) * sy
        )
        grow_x = max(0.0, SMALLEST_VIEW_PX * dpr - box.width()) / 2
        grow_y = max(0.0, SMALLEST_VIEW_PX * dpr - box.height()) / 2
        box = box.adjusted(-grow_x, -grow_y, grow_x, grow_y).intersected(QRectF(place))
        if box == QRectF(place):
            return
        painter.setPen(QPen(QColor(255, 255, 255, 200), 3.5 * dpr))
        painter.drawRect(box)
        painter.setPen(QPen(VIEW_INK, 1.6 * dpr))
        painter.drawRect(box)

    def _paint_oblique(
        self, painter: QPainter, view: View, place: QRect, scale: tuple[float, float], dpr: float
    ) -> None:
        """A frame whose sides are not those of the overview."""
        corner = QPointF(place.topLeft())
        places = [corner + QPointF(x * scale[0], y * scale[1]) for x, y in view.corners]
        middle = (places[0] + places[2]) / 2
        span = max(abs(v) for at in places for v in (at - middle).toTuple())
        grow = max(1.0, SMALLEST_VIEW_PX * dpr / max(2 * span, 1e-9))
        frame = QPolygonF([middle + (at - middle) * grow for at in places])
        painter.save()
        painter.setClipRect(place)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for pen in (QPen(QColor(255, 255, 255, 200), 3.5 * dpr), QPen(VIEW_INK, 1.6 * dpr)):
            painter.setPen(pen)
            painter.drawPolygon(frame)
        painter.restore()

    def _compose(self, source: TileSource, place: QRect, icc: bool) -> None:
        """Shrink a fully cached level to the overview's size."""
        whole = _overview(source, icc)
        if whole is not None:
            self._picture = _scaled(whole, place)
            self._is_final = True
        elif source.preview is not None and self._picture.size() != place.size():
            self._picture = _scaled(source.preview, place)


def _overview(source: TileSource, icc: bool) -> QImage | None:
    """The coarsest level, or a slightly finer one if that is loaded first."""
    if source.pyramid is None:
        return None
    for index in range(source.pyramid.coarsest, -1, -1):
        level = source.pyramid.levels[index]
        if level.width > FINEST_OVERVIEW_PX:
            return None
        whole = picture(source, index, QRect(0, 0, level.width, level.height), icc, source.look)
        if whole is not None:
            return whole
    return None


def _scaled(image: QImage, place: QRect) -> QImage:
    return image.scaled(
        place.size(),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
