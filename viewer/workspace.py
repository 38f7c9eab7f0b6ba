"""Everything behind the window: the state, the engine and the controllers that join them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.demo import DemoController
from viewer.controllers.maps import MapController
from viewer.controllers.models import ModelController
from viewer.controllers.regions import RegionController
from viewer.controllers.sessions import SessionController, failure_text
from viewer.controllers.shared import Shared
from viewer.controllers.slides import SlideController
from viewer.demo import NAME as SYNTHETIC_NAME
from viewer.demo import Demo
from viewer.saving.paths import cache_folder, user_folder
from viewer.saving.recents import Recents
from viewer.saving.session import SessionStore
from viewer.services.engine_bridge import EngineBridge, EngineFactory
from viewer.services.notices import describe

MODEL_ENDINGS = (".safetensors",)
DEMO = "demo"  # stands for the demo slide's path until it is drawn
REGION_ENDINGS = (".geojson", ".json", ".geojson.gz", ".geojson.zip")


class Workspace(Shared):
    """Makes the parts and knows how files are told apart."""

    def __init__(
        self,
        canvas: SlideCanvas,
        engine: EngineFactory,
        folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        folder = folder or user_folder()
        self.canvas = canvas
        self.recents = Recents(folder / "recents.json")
        self.bridge = EngineBridge(engine, self)
        self.sessions = SessionController(self, SessionStore(folder / "sessions"))
        self.slides = SlideController(self, canvas, self.sessions, self.recents)
        self.regions = RegionController(self, canvas)
        self.models = ModelController(self)
        self.analysis = AnalysisController(self, self.bridge)
        self.maps = MapController(self)
        self.demo = DemoController(self, cache_folder())
        self.demo.ready.connect(self._on_demo_ready)
        self.demo.failed.connect(lambda _: self._forget_imports())
        self._demo_models = True
        self._demo_wanted = False
        self._imports: list[tuple[str, Callable[[], None]]] = []  # slide that each waits for
        self.slides.opening.connect(lambda _: self._on_opening())
        self.slides.opened.connect(self._on_opened)
        self.slides.failed.connect(lambda _: self._forget_imports())
        self.analysis.model_replaced.connect(self.models.read_again)

    def _on_demo_ready(self, demo: Demo) -> None:
        if not self._demo_wanted:  # the user has opened another slide meanwhile
            return
        if self._demo_models:
            self.models.use_for_demo()
        slide = str(demo.slide)
        self._imports = [(slide if to == DEMO else to, go) for to, go in self._imports]
        self.slides.open(slide)
        self.import_regions(str(demo.regions), only_if_empty=True)

    def _on_opening(self) -> None:
        self._demo_wanted = False
        self._forget_imports()

    def _on_opened(self, info: SlideInfo) -> None:
        ready = [go for to, go in self._imports if to == info.path]
        self._imports = [(to, go) for to, go in self._imports if to != info.path]
        for go in ready:
            go()

    def _forget_imports(self) -> None:
        """Drop what waits for a slide that does not come any more."""
        coming = (self.slides.coming, DEMO if self._demo_wanted and self.demo.busy else None)
        self._imports = [(to, go) for to, go in self._imports if to in coming]

    def open_paths(self, paths: list[str]) -> None:
        """Open files by what they are: models, regions, and the first slide of the rest."""
        models = [p for p in paths if p.lower().endswith(MODEL_ENDINGS)]
        regions = [p for p in paths if p.lower().endswith(REGION_ENDINGS)]
        slides = [p for p in paths if p not in models and p not in regions]
        if models:
            self.models.add_files(models)
        if slides:
            self.slides.remember(slides)
            self.slides.open(slides[0])
        for path in regions:
            self.import_regions(path)

    def open_demo(self, *, bundled_models: bool = True) -> None:
        """Open the synthetic slide with its regions; it is drawn on first use.

        bundled_models: compare those of its kind, unless the user has chosen others.
        """
        self._demo_models = bundled_models
        self._demo_wanted = True
        self.demo.open()

    def import_regions(self, path: str, *, only_if_empty: bool = False) -> None:
        """Import now, or as soon as the slide that is being opened is there, and into no other.

        only_if_empty: not when regions were kept from the last time.
        """

        def go() -> None:
            if not (only_if_empty and self.document.rois):
                self.regions.import_file(path)

        drawing = self._demo_wanted and self.demo.busy
        slide = DEMO if drawing else self.slides.coming
        if slide is None:
            go()
        else:
            self._imports.append((slide, go))

    def title_of(self, slide: SlideInfo) -> str:
        """The slide's name, marked when it is the synthetic demo."""
        synthetic = SYNTHETIC_NAME in slide.name
        return f"{slide.name} (synthetic)" if synthetic else slide.name

    @property
    def busy(self) -> bool:
        """Whether anything that was asked for is still to come."""
        return (
            self.demo.busy
            or self.slides.busy
            or self.models.busy
            or self.background.busy
            or self.analysis.busy
            or self.maps.busy
        )

    def finish(self) -> list[str]:
        """Write now what is not written yet; a sentence for each thing that could not be."""
        exports = [describe(error).text for error in self.background.finish()]
        return [*(failure_text(failure) for failure in self.sessions.finish()), *exports]

    def close(self) -> None:
        """After ``finish``: end all that works beside the window."""
        self.sessions.close()
        self.slides.close()
        self.background.close()
        self.bridge.close()
