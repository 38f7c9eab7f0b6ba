"""Opens files and the demo; region files wait for the slide that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal

from ssmamba.checkpoints.wsinfer import is_model
from ssmamba.rois.region_file import ENDINGS as REGION_ENDINGS
from ssmamba.slides.slide import SlideInfo
from viewer.controllers.demo import DemoController
from viewer.controllers.models import ModelController
from viewer.controllers.regions import RegionController
from viewer.controllers.session_files import SessionFileController
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.slides import SlideController
from viewer.controllers.tile_maps import ENDINGS as TILE_MAP_ENDINGS
from viewer.controllers.tile_maps import TileMapController
from viewer.demo import Demo
from viewer.saving.session_file import ENDING

DEMO = "demo"  # stands for the demo slide's path until it is drawn


class FileController(Controller):
    """Opens files by their kind, and imports regions once their slide is open."""

    demo_shown = Signal()  # the demo slide is open and its regions are there

    def __init__(
        self,
        shared: Shared,
        slides: SlideController,
        models: ModelController,
        regions: RegionController,
        demo: DemoController,
        sessions: SessionFileController,
        tile_maps: TileMapController,
    ) -> None:
        super().__init__(shared)
        self._slides = slides
        self._models = models
        self._regions = regions
        self._demo = demo
        self._sessions = sessions
        self._tile_maps = tile_maps
        self._demo_models = True
        self._demo_wanted = False
        self._imports: list[tuple[str, Callable[[], None]]] = []  # slide path, import
        demo.ready.connect(self._on_demo_ready)
        demo.failed.connect(lambda _: self._forget_imports())
        slides.opening.connect(lambda _: self._on_opening())
        slides.opened.connect(self._on_opened)
        slides.failed.connect(lambda _: self._forget_imports())

    def open(self, paths: list[str]) -> None:
        """Open files by their kind: models, regions, and the first slide of the rest."""
        models = [p for p in paths if is_model(p)]
        regions = [p for p in paths if p.lower().endswith(REGION_ENDINGS) and p not in models]
        sessions = [p for p in paths if p.lower().endswith(ENDING)]
        maps = [p for p in paths if p.lower().endswith(TILE_MAP_ENDINGS)]
        slides = [p for p in paths if p not in (*models, *regions, *sessions, *maps)]
        if models:
            self._models.add_files(models)
        if slides:
            self._slides.remember(slides)
            self._slides.open(slides[0])
        for path in regions:
            self.import_regions(path)
        for path in sessions:
            self._sessions.open(path)
        for path in maps:
            self.open_tile_map(path)

    def open_demo(
        self, data: str = "", *, models: Sequence[str] = (), bundled_models: bool = True
    ) -> None:
        """Open the generated slide with its regions and classify them; it is drawn on first use.

        data: a folder of images of known class, of which those that the models were not trained
        on are shown instead. bundled_models: on the generated slide, compare the model of its
        tissue with one of other tissue, unless the user chose others.
        """
        self._demo_models = bundled_models and not data
        self._demo_wanted = True
        self._demo.open(data, models)

    def import_regions(
        self, path: str, *, only_if_empty: bool = False, from_corner: bool = False
    ) -> None:
        """Import now, or once the slide that is being opened is ready.

        only_if_empty: not if the slide has saved regions. from_corner: without QuPath's offset.
        """

        def go() -> None:
            if not (only_if_empty and self._document.rois):
                self._regions.import_file(path, from_corner=from_corner)

        drawing = self._demo_wanted and self._demo.busy
        slide = DEMO if drawing else self._slides.coming
        if slide is None:
            go()
        else:
            self._imports.append((slide, go))

    def open_tile_map(self, path: str) -> None:
        """Lay a map on the open slide, or on the one that is being opened."""
        if self._slides.coming is None:
            self._tile_maps.open(path)
        else:
            self._imports.append((self._slides.coming, lambda: self._tile_maps.open(path)))

    def _on_demo_ready(self, demo: Demo) -> None:
        if not self._demo_wanted:  # the user has opened another slide in the meantime
            return
        if self._demo_models:
            self._models.use_for_demo()
        slide = str(demo.slide)
        self._imports = [(slide if to == DEMO else to, go) for to, go in self._imports]
        self._slides.open(slide)
        self._imports.append((slide, lambda: self._show_demo(str(demo.regions))))

    def _show_demo(self, regions: str) -> None:
        """Have all regions of the demo answered: those saved with it, else its own."""
        if self._document.rois:
            self.demo_shown.emit()
        else:
            self._regions.imported.connect(
                lambda _: self.demo_shown.emit(), Qt.ConnectionType.SingleShotConnection
            )
            self._regions.import_file(regions)

    def _on_opening(self) -> None:
        self._demo_wanted = False
        self._forget_imports()

    def _on_opened(self, info: SlideInfo) -> None:
        ready = [go for to, go in self._imports if to == info.path]
        self._imports = [(to, go) for to, go in self._imports if to != info.path]
        for go in ready:
            go()

    def _forget_imports(self) -> None:
        """Drop imports for a slide that will not be opened after all."""
        coming = (self._slides.coming, DEMO if self._demo_wanted and self._demo.busy else None)
        self._imports = [(to, go) for to, go in self._imports if to in coming]
