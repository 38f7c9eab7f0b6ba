"""Has whole slides read by the model that is shown, and goes on after pauses and restarts."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from PySide6.QtCore import QTimer, Signal

from ssmamba.engine.messages import (
    Cancel,
    JobDone,
    JobFailed,
    Priority,
    Reprioritise,
    ScanBegun,
    ScanTiles,
)
from ssmamba.reading.values import COARSEST
from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.scale import ScaleController
from viewer.controllers.scan_keeper import ScanKeeper
from viewer.controllers.scan_request import replaced_text, scan_request, too_many_text
from viewer.controllers.scan_view import ScanView
from viewer.controllers.shared import Controller, Shared
from viewer.saving.scan_file import KeptScan, State, Windows
from viewer.services.engine_bridge import EngineBridge
from viewer.state.library import Model
from viewer.state.scale import field_of, set_field_px
from viewer.state.slide_scan import Scale, ScanHead, ScanMap
from viewer.state.slide_scans import SlideScans
from viewer.state.tissue_correction import Correction
from viewer.text.tr import tr

FIRST_JOB = 1 << 40  # numbers apart from those of answers and fits
DEATHS = 3  # of the engine without a window in between


class SlideScanController(Controller):
    """Follows the open slide; at most one scan at a time."""

    model_replaced = Signal(str)  # path of a checkpoint whose file is no longer the one listed
    progressed = Signal()  # more windows are read
    corrected = Signal(object, object)  # maps before and after other windows count

    def __init__(
        self, shared: Shared, bridge: EngineBridge, canvas: SlideCanvas, scale: ScaleController,
        folder: Path,
    ) -> None:  # fmt: skip
        """folder: of the sessions, where scans are kept."""
        super().__init__(shared)
        self._bridge, self._canvas, self._scale = bridge, canvas, scale
        self.scans = SlideScans()
        self._keeper = ScanKeeper(folder, self._messages, self)
        self._numbers = count(FIRST_JOB)
        self._job: int | None = None
        self._model = ""  # path of the one that reads
        self._slide_name = ""  # of the slide's session; "" until that is restored
        self._known = 0  # windows that the engine was told not to read again
        self._correction: Correction | None = None  # of the tissue, that the map does not have yet
        self._held: list[object] | None = None  # replies that come while the map is made anew
        self._coarse = False  # the engine reads what stands for its neighbours
        self._wish = False  # to begin as soon as what was kept is read
        self._deaths = 0
        self._view = ScanView(canvas, self)
        self._view.moved.connect(self._on_view_moved)
        document = shared.document
        document.slide_changed.connect(self._on_slide_changed)
        document.slide_settings_changed.connect(self._on_scale)
        shared.library.changed.connect(self._on_library)
        scale.slide_answered.connect(self._on_scale_known)
        bridge.replied.connect(self._on_reply)
        bridge.ready.connect(self._on_ready)
        bridge.restarted.connect(self._forget_job)
        bridge.died.connect(self._on_died)

    @property
    def busy(self) -> bool:
        """Whether it is still looked for what was kept; reading goes on beside all else."""
        return self._document.slide is not None and not self._slide_name

    @property
    def correction(self) -> Correction:
        """Of the tissue: the one that was asked for last, else the map's."""
        found = self.scans.map
        own = Correction() if found is None else found.head.correction
        return own if self._correction is None else self._correction

    def finish(self) -> list[str]:
        """Write all that was read; returns a sentence if it cannot be."""
        return self._keeper.finish()

    def close(self) -> None:
        self._view.close()
        self._keeper.close()

    # --- what the user asks for
    def start(self) -> None:
        """Read the open slide with the model that is shown, or go on with that."""
        slide, model = self._document.slide, self._library.shown
        if slide is None or self.scans.under_way:
            return
        if model is None:
            text = tr("No model is ticked. Tick one in the list of models, then read the slide.")
            self._messages.warn(text)
            return
        if not self._slide_name:
            self._wish = True
            return
        field = field_of(self._document, model)
        if not field.sure:
            self.scans.model_name = model.name
            self.scans.set_status("scale")
            self._scale.ask_about_slide(model)
            return
        if text := too_many_text(slide, field.px, self._document.mpp):
            self._messages.warn(text)
            return
        self._deaths = 0
        found = self.scans.map
        if found is not None and self._fits(found.head, model):
            self._go_on(model)
        else:
            if self.correction.is_any:  # said of the slide, whichever model reads it
                self._correction = self.correction
            self._look_for_kept(model)

    def correct(self, correction: Correction) -> bool:
        """Read the slide with other tissue; what was read of it is not read again.

        False where the model that reads it is not there.
        """
        found, model = self.scans.map, self._library.get(self._model)
        if found is None or model is None or model.file_sha256 != found.head.model_sha256:
            return False
        self._deaths, self._correction = 0, correction
        self._ask(model)
        return True

    def pause(self) -> None:
        """Read no more for now, nor after a restart."""
        self._halt("paused")

    def stop(self) -> None:
        """Read no more; what was read stays."""
        if self.scans.status == "scale":
            self._scale.put_off()
        self._halt("stopped")

    def put_away(self) -> None:
        """Take the map off the slide. It is kept, and comes back when the slide is read again."""
        self._cancel()
        self._correction = None
        self._keeper.set_state("closed")
        self._keeper.leave()
        self.scans.status = ""
        self.scans.show(None)

    def _halt(self, status: str) -> None:
        if self.scans.under_way or self.scans.status in ("paused", "waiting", "scale"):
            self._cancel()
            self._keeper.set_state("paused")
            there = self.scans.map is not None
            self.scans.set_status(status if there else "")  # type: ignore[arg-type]

    # --- requests
    def _fits(self, head: ScanHead, model: Model) -> bool:
        """Whether a scan can be gone on with by a model, at the scale of now."""
        return head.model_sha256 == model.file_sha256 and head.scale == self._scale_of(model)

    def _scale_of(self, model: Model) -> Scale:
        return Scale(self._document.mpp, set_field_px(self._document, model))

    def _look_for_kept(self, model: Model) -> None:
        """Go on with what is kept of this model, else begin anew."""
        slide = self._document.slide
        self.scans.model_name = model.name
        self.scans.status = "looking"
        self.scans.show(None)

        def found(kept: KeptScan | None) -> None:
            if self._document.slide is not slide or self.scans.status != "looking":
                return
            if kept is not None and self._fits(kept.map.head, model):
                self._take(kept.map, "reading", fresh=False)
            self._go_on(model)

        self._keeper.of_model(self._slide_name, model.file_sha256, found)

    def _go_on(self, model: Model) -> None:
        """Have the rest read, if there is any, and show the map."""
        found = self.scans.map
        if found is not None and found.complete and found.head.correction == self.correction:
            self._correction = None
            self._keeper.set_state("done")
            self.scans.set_look(visible=True)
            self.scans.set_status("done")
        else:
            self._ask(model)

    def _ask(self, model: Model) -> None:
        """Have the engine read all windows that are not known, from what is looked at outwards."""
        found = self.scans.map
        self._cancel()
        self._model, self._job = model.path, next(self._numbers)
        view = self._view.begin()
        request = scan_request(self._job, self._document, model, view, found, self.correction)
        self._known = 0 if request.known is None else len(request.known)
        self._coarse = True
        self._bridge.send(request)
        if found is not None:
            self._keeper.set_state("reading")
        self.scans.set_status("looking" if found is None else "reading")

    def _cancel(self) -> None:
        if self._job is not None:
            self._bridge.send(Cancel(self._job))
            self._job = None

    def _on_view_moved(self) -> None:
        """Begin with what is looked at now."""
        model = self._library.get(self._model)
        if self.scans.status == "reading" and self._job is not None and model is not None:
            self._ask(model)

    # --- replies
    def _on_reply(self, reply: object) -> None:
        if self._job is None or getattr(reply, "job", None) != self._job:
            return
        if self._held is not None:
            self._held.append(reply)
        elif isinstance(reply, ScanBegun):
            self._on_begun(reply)
        elif isinstance(reply, ScanTiles):
            self._on_tiles(reply)
        elif isinstance(reply, JobDone):
            self._job = None
            self._end()
        elif isinstance(reply, JobFailed):
            self._job = self._correction = None
            self._end()
            self._messages.error(reply.message, reply.details)

    def _end(self) -> None:
        """The engine reads no more."""
        found = self.scans.map
        self._keeper.set_state("done" if found is not None and found.complete else "paused")
        self.scans.rest()

    def _on_begun(self, begun: ScanBegun) -> None:
        model, found = self._library.get(begun.checkpoint), self.scans.map
        if model is None or model.file_sha256 not in ("", begun.stamp.checkpoint_sha256):
            self._halt("stopped")
            text = tr("The file of this model was replaced by another one. Read the slide again.")
            self._messages.warn(text)
            self.model_replaced.emit(begun.checkpoint)
            return
        head = ScanHead.of(begun, model, self._scale_of(model), self.correction)
        if found is not None and found.head.is_on_grid_of(head):
            self._take_tissue(found, head)
            return
        self._correction = None
        self._take(ScanMap(head), "reading", fresh=True)
        if self._known:  # of another grid
            text = tr("The windows on this slide lie otherwise than before; it is read anew.")
            self._messages.info(text)
            self._ask(model)

    def _take_tissue(self, found: ScanMap, head: ScanHead) -> None:
        """Go on with the windows that count now; of millions, the map is made beside the window."""

        def made(now: ScanMap) -> None:
            held, self._held = self._held or [], None
            if self._correction == head.correction:
                self._correction = None
            if self.scans.map is found:
                self._keeper.renew(head)
                self.scans.show(now)
                if found.head.correction != head.correction:
                    self.corrected.emit(found, now)
            for reply in held:
                self._on_reply(reply)

        if found.head.is_alike(head):
            self._correction = None
        else:
            self._held = []
            self._background.run(lambda: found.under(head), made)
        self.scans.set_status("reading")

    def _take(self, found: ScanMap, state: State, *, fresh: bool) -> None:
        self._keeper.begin(self._slide_name, found.head, state, fresh=fresh)
        self.scans.status = "reading"
        self.scans.show(found)

    def _on_tiles(self, tiles: ScanTiles) -> None:
        found = self.scans.map
        assert found is not None  # ScanBegun comes first
        self._deaths = 0
        part = Windows(tiles.cells, tiles.strides, tiles.probabilities, tiles.doubts)
        places = found.put(
            tiles.cells.array, tiles.strides.array, tiles.probabilities.array, tiles.doubts.array
        )
        self._keeper.add(part)
        if self._coarse and self._job is not None and (tiles.strides.array < COARSEST).any():
            self._coarse = False
            self._bridge.send(Reprioritise(self._job, Priority.SLIDE))
        self.scans.grow(places, tiles.per_second, tiles.left_s)
        self.progressed.emit()

    # --- the engine's life
    def _forget_job(self) -> None:
        self._job = None

    def _on_ready(self, *_: object) -> None:
        """Ask a new engine for what the old one has not read."""
        model = self._library.get(self._model)
        if self.scans.under_way and self._job is None and model is not None:
            self._ask(model)

    def _on_died(self, why: str) -> None:
        if not self.scans.under_way:
            return
        self._job = None
        self._deaths += 1
        QTimer.singleShot(0, self, self._give_up_if_dead)

    def _give_up_if_dead(self) -> None:
        """The engine is started again by whoever has work for it, unless it keeps stopping."""
        if self.scans.under_way and (self._deaths > DEATHS or not self._bridge.started):
            self._halt("stopped")

    # --- changes of slide, scale and models
    def _on_slide_changed(self) -> None:
        self._cancel()
        self._keeper.leave()
        self._slide_name, self._wish, self._known, self._correction = "", False, 0, None
        self.scans.status = ""
        self.scans.show(None)

    def restore(self, info: SlideInfo, name: str) -> None:
        """Bring back what was read of a slide whose session is restored; name: of that."""

        def found(kept: KeptScan | None) -> None:
            if self._document.slide is not info:
                return
            self._slide_name = name
            if kept is not None and not self._wish:
                self._show_kept(kept)
            if self._wish:
                self._wish = False
                self.start()

        self._keeper.newest(name, found)

    def _show_kept(self, kept: KeptScan) -> None:
        head = kept.map.head
        state: State = "done" if kept.map.complete else kept.state
        self._keeper.begin(self._slide_name, head, state, fresh=False)
        self._model = head.model_path
        statuses = {"done": "done", "reading": "waiting"}
        self.scans.status = statuses.get(state, "paused")  # type: ignore[assignment]
        self.scans.show(kept.map)
        self._on_library()
        self._on_scale()

    def _on_library(self, *_: object) -> None:
        """Refuse a map whose model is another file now; go on with one whose model is there."""
        found = self.scans.map
        if found is None:
            return
        head, models = found.head, self._library.models
        same = next((m for m in models if m.file_sha256 == head.model_sha256), None)
        if same is not None:
            self._model = same.path
            if self.scans.status == "waiting" and head.scale == self._scale_of(same):
                self._ask(same)
        elif any(m.path == head.model_path and m.file_sha256 for m in models):
            self._cancel()
            self._keeper.leave()
            self.scans.status = ""
            self.scans.show(None)
            self._messages.warn(replaced_text(head.model_name))

    def _on_scale(self, *_: object) -> None:
        """A map at another scale is said to be outdated, and not gone on with."""
        found, model = self.scans.map, self._library.get(self._model)
        if found is None or model is None or self._document.slide is None:
            return
        outdated = found.head.scale != self._scale_of(model)
        if outdated and (self.scans.under_way or self.scans.status == "waiting"):
            self._halt("stopped")
        self.scans.set_outdated(outdated)

    def _on_scale_known(self, known: bool) -> None:
        if self.scans.status == "scale":
            self.scans.rest()
            if known:
                self.start()
