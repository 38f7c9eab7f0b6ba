"""Everything behind the window: state, engine and controllers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from viewer.canvas import SlideCanvas
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.beside import BesideController
from viewer.controllers.comparing import ComparisonController
from viewer.controllers.comparison_export import ComparisonExport
from viewer.controllers.demo import DemoController
from viewer.controllers.exports import ExportController
from viewer.controllers.files import FileController
from viewer.controllers.fits import FitController
from viewer.controllers.known_line import KnownLineController
from viewer.controllers.maps import MapController
from viewer.controllers.models import ModelController
from viewer.controllers.preferences import PreferencesController
from viewer.controllers.region_editing import RegionEditingController
from viewer.controllers.regions import RegionController
from viewer.controllers.scale import ScaleController
from viewer.controllers.scan_painter import ScanPainter
from viewer.controllers.scan_tissue import ScanTissueController
from viewer.controllers.seen import SeenController
from viewer.controllers.session_files import SessionFileController
from viewer.controllers.sessions import SessionController, failure_text
from viewer.controllers.shared import Shared
from viewer.controllers.slide_answers import SlideAnswerController
from viewer.controllers.slide_scans import SlideScanController
from viewer.controllers.slides import SlideController
from viewer.controllers.thumbnails import Thumbnails
from viewer.controllers.tile_maps import TileMapController
from viewer.controllers.view_colors import ViewColorController
from viewer.controllers.views import ViewController
from viewer.controllers.workbench import WorkbenchController
from viewer.saving.link_store import LinkStore
from viewer.saving.paths import cache_folder, user_folder
from viewer.saving.preferences import PreferenceStore
from viewer.saving.recents import Recents
from viewer.saving.session import SessionStore
from viewer.saving.workbench import WorkbenchStore
from viewer.services.engine_bridge import EngineBridge, EngineFactory
from viewer.services.notices import describe


class Workspace(Shared):
    """Creates and closes the parts."""

    def __init__(
        self,
        canvas: SlideCanvas,
        engine: EngineFactory,
        folder: Path | None = None,
        parent: QObject | None = None,
        preferences: PreferenceStore | None = None,
    ) -> None:
        super().__init__(parent)
        folder = folder or user_folder()
        self.canvas = canvas
        self.recents = Recents(folder / "recents.json")
        self.bridge = EngineBridge(engine, self)
        self.sessions = SessionController(self, SessionStore(folder / "sessions"))
        self.views = ViewController(self, canvas, self.sessions)
        self.seen = SeenController(self, canvas, self.sessions)
        self.view_colors = ViewColorController(self, canvas)
        self.slides = SlideController(self, canvas, self.sessions, self.recents)
        self.thumbnails = Thumbnails(self, self.slides.list)
        self.regions = RegionController(self, canvas)
        self.editing = RegionEditingController(self)
        self.models = ModelController(self)
        self.analysis = AnalysisController(self, self.bridge)
        self.preferences = PreferencesController(
            self, preferences or PreferenceStore(folder), self.analysis
        )
        self.maps = MapController(self, canvas)
        self.comparing = ComparisonController(self)
        self.tile_maps = TileMapController(self, canvas)
        self.exports = ExportController(self, self.maps)
        self.comparison_export = ComparisonExport(self, self.comparing, self.analysis, self.exports)
        self.scale = ScaleController(self, canvas)
        self.known_line = KnownLineController(self, canvas)
        self.slide_scans = SlideScanController(
            self, self.bridge, canvas, self.scale, folder / "sessions"
        )
        self.scan_painter = ScanPainter(self, canvas, self.slide_scans.scans)
        self.scan_tissue = ScanTissueController(self, canvas, self.slide_scans)
        self.slides.opened.connect(
            lambda info: self.slide_scans.restore(info, self.sessions.name_of(info))
        )
        self.slide_answers = SlideAnswerController(self, self.bridge, canvas)
        self.slide_answers.kept_changed.connect(self.sessions.keep_slide_answer)
        self.sessions.slide_answer_found.connect(self.slide_answers.take)
        self.fitting = FitController(self, self.bridge)
        self.demo = DemoController(self, cache_folder())
        self.beside = BesideController(self, canvas, self.slides, self.sessions, LinkStore(folder))
        self.workbench = WorkbenchController(
            self, WorkbenchStore(folder), self.models, self.slides, self.sessions,
            self.beside, self.slide_scans.scans, self.comparing.state,
        )  # fmt: skip
        self.session_files = SessionFileController(self, self.sessions, self.slides)
        self.files = FileController(
            self,
            self.slides,
            self.models,
            self.regions,
            self.demo,
            self.session_files,
            self.tile_maps,
        )
        self.files.demo_shown.connect(self._ask_all)
        self.demo.ready.connect(lambda demo: self.scale.accept_suggestions(str(demo.slide)))
        for part in (self.analysis, self.slide_scans, self.slide_answers):
            part.model_replaced.connect(self.models.read_again)

    def _ask_all(self) -> None:
        self.analysis.ask([roi.id for roi in self.document.rois])

    @property
    def busy(self) -> bool:
        """Whether any requested work is unfinished."""
        parts = (
            self.demo, self.slides, self.thumbnails, self.models, self.background, self.analysis,
            self.maps, self.comparing, self.comparison_export, self.exports, self.slide_scans,
            self.slide_answers, self.beside,
        )  # fmt: skip
        return self.workbench.busy or any(part.busy for part in parts)

    def finish(self) -> list[str]:
        """Write all changes now; returns a message for each failure."""
        self.workbench.finish()
        failures = [describe(error).text for error in self.background.finish()]
        failures += [failure_text(failure) for failure in self.sessions.finish()]
        return [*failures, *self.slide_scans.finish(), *self.exports.finish()]

    def close(self) -> None:
        """After ``finish``: stop all background work."""
        self.exports.close()
        self.slide_scans.close()
        self.beside.shut_down()
        self.sessions.close()
        self.workbench.close()
        self.slides.close()
        self.thumbnails.close()
        self.background.close()
        self.bridge.close()
