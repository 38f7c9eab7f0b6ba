"""Opens maps of tiles, shows them on the canvas, and makes regions of what is above a value."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssmamba.errors import DataError
from ssmamba.explain.colormaps import lookup_table
from ssmamba.features.values import TileFile
from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.state.tile_map import TileMap, TileMaps
from viewer.text import formats
from viewer.text.tr import tr

ENDINGS = (".h5", ".hdf5", ".csv", ".tsv")
MOST_REGIONS = 2000  # that one threshold makes
MOST_FEATURES = 64  # columns of a feature file that are listed
LEAST_TILES, LEAST_FEATURES = 10, 4  # of which likeness and groups are shown
# of the groups, told apart with any colour vision (Okabe and Ito 2008, with a light grey for black)
GROUP_COLOURS = np.array(
    [
        (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
        (86, 180, 233), (213, 94, 0), (240, 228, 66), (170, 170, 170),
    ],
    np.uint8,
)  # fmt: skip


class TileMapController(Controller):
    """Shows the state's map of tiles on the canvas."""

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        self._canvas = canvas
        self.maps = TileMaps()
        self.maps.changed.connect(self._show)
        self._document.slide_changed.connect(self.maps.close)

    def open(self, path: str) -> None:
        """Read a file on a worker and lay it on the open slide."""
        slide = self._document.slide
        if slide is None:
            self._messages.warn(tr("No slide is open. Open one, then the map of its tiles."))
            return

        def done(found: TileMap) -> None:
            if self._document.slide is slide:
                self.maps.show(found)

        self._background.run(
            lambda: read_map(Path(path), slide.width, slide.height), done, self._messages.report
        )

    def make_regions(self) -> int:
        """A region of each connected part of the tiles that are shown; returns how many."""
        found = self.maps.map
        if found is None:
            return 0
        rois = regions_of(found.windows[self.maps.shown], self._region_name())
        if len(rois) > MOST_REGIONS:
            text = tr("{count} separate areas are above this value; raise it to make regions.")
            self._messages.warn(text.format(count=formats.whole(len(rois))))
            return 0
        if rois:
            self._document.add(rois, tr("Make regions"))
        return len(rois)

    def _region_name(self) -> str:
        look = self.maps.look
        if look.threshold is None:
            return look.column
        return f"{look.column} ≥ {formats.value(look.threshold)}"

    def _show(self) -> None:
        maps, layer = self.maps, self._canvas.scene.tile_map
        layer.opacity = maps.look.opacity
        if maps.map is None or not maps.look.visible:
            layer.set_picture(None, (0.0, 0.0, 0.0, 0.0))
        else:
            raster = maps.map.raster
            rows, columns = raster.tiles.shape
            right, bottom = raster.x + columns * raster.px, raster.y + rows * raster.px
            layer.set_picture(painted(maps), (raster.x, raster.y, right, bottom))
        self._canvas.update()


def painted(maps: TileMaps) -> np.ndarray:
    """(rows, columns, 4) uint8 RGBA of the map as it is shown."""
    own = maps.own_colours
    if own is not None and maps.map is not None:
        table = np.zeros((len(own) + 1, 4), np.uint8)  # the last stands for -1
        table[:-1, :3], table[:-1, 3] = own, np.where(maps.shown, 255, 0)
        return table[maps.map.raster.tiles]
    table = np.zeros((257, 4), np.uint8)
    table[1:, :3], table[1:, 3] = lookup_table(maps.look.colormap), 255
    return table[maps.colours()]


def read_map(path: Path, width: int, height: int) -> TileMap:
    """A file's tiles and the columns that can be shown. Raises DataError.

    width, height: of the slide, level-0 pixels; a map that lies off it is of another slide.
    """
    found = _tiles_of(path)
    side = found.likely_side
    if side is None or side <= 0 or not len(found.places):
        raise refused(path, tr("{name} does not say how large its tiles are; choose another file."))
    seen, colours = _seen_at_once(found)
    columns = dict(found.columns) | seen | _features_of(found)
    if not columns:
        raise refused(path, tr("{name} has places of tiles but no values; choose another file."))
    windows = np.column_stack([found.places, np.full(len(found.places), side)])
    middle = found.places + side / 2
    count = len(middle)
    off = int((~((middle >= 0) & (middle <= (width, height))).all(axis=1)).sum())
    if off:
        text = tr(
            "{off} of {count} tiles of {name} lie off this slide, so it is of another one; open "
            "the slide that it belongs to."
        )
        raise refused(path, text, off=off, count=count)
    return TileMap(path.name, windows, columns, colours)


def refused(path: Path, text: str, **values: int) -> DataError:
    """The error of a file that cannot be laid on the slide."""
    return DataError(text.format(name=path.name, **values))


def _tiles_of(path: Path) -> TileFile:
    if path.suffix.lower() in (".csv", ".tsv"):
        from ssmamba.features.tables import read_tile_table

        return read_tile_table(path)
    if path.suffix.lower() not in ENDINGS:
        text = tr("{name} is no map of tiles; choose a file that ends in .h5 or .csv.")
        raise refused(path, text)
    from ssmamba.features.hdf5 import read_hdf5

    return read_hdf5(path)


def _seen_at_once(found: TileFile) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """All features of the first encoder in two columns, and the colours of each."""
    if not found.names or len(found.places) < LEAST_TILES:
        return {}, {}
    features = found.features(found.names[0])
    if features.shape[1] < LEAST_FEATURES:
        return {}, {}
    from ssmamba.features.overview import as_colours, components, groups  # imports OpenCV

    parts = components(features)
    likeness, alike = tr("Likeness as colour (PCA)"), tr("Groups of like tiles (k-means)")
    numbers = groups(parts)
    columns = {likeness: parts[:, 0].astype(np.float64), alike: numbers.astype(np.float64)}
    return columns, {likeness: as_colours(parts), alike: GROUP_COLOURS[numbers - 1]}


def _features_of(found: TileFile) -> dict[str, np.ndarray]:
    """The first features of the file's first encoder, as columns."""
    if not found.names:
        return {}
    values = found.features(found.names[0])[:, :MOST_FEATURES].astype(np.float64)
    return {tr("Feature {n}").format(n=n + 1): values[:, n] for n in range(values.shape[1])}


def regions_of(windows: np.ndarray, name: str) -> list[Roi]:
    """One region for each connected part of squares (N, 3), with its holes."""
    x, y, side = windows.T
    return regions_of_boxes(np.stack([x, y, x + side, y + side], axis=1), name)


def regions_of_boxes(boxes: np.ndarray, name: str) -> list[Roi]:
    """The same of boxes (N, 4) of left, top, right, bottom, level-0 pixels."""
    import shapely

    from ssmamba.rois.geometry import polygons_of, rings_of

    if not len(boxes):
        return []
    joined = shapely.union_all(shapely.box(*boxes.T), grid_size=1e-3)
    parts = [part.simplify(0) for part in polygons_of(joined)]
    return [Roi((rings_of(part),), name=f"{name}, {n}") for n, part in enumerate(parts, start=1)]
