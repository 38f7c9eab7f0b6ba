"""The status bar: activity, pointer position, scale and device."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QProgressBar, QStatusBar, QToolButton

from ssmamba.engine.messages import EngineReady
from viewer.canvas import SlideCanvas
from viewer.look.icons import set_icon
from viewer.look.sizes import scaled
from viewer.text import formats
from viewer.text.stamps import RESEARCH_ONLY
from viewer.text.tr import decimal, tr, tr_n, translated
from viewer.widgets.basic import label
from viewer.workspace import Workspace

HINT_MS = 5000
SLOW_MS = 300  # what takes no longer is not worth a word
ASIDE = ("kernels", "scan")  # what goes on by itself, the least first
LONGEST_REASON = 52  # characters; the full text is in the tooltip


class StatusBar(QStatusBar):
    """Left: activity or a hint. Right: pointer, scale, device."""

    def __init__(
        self, work: Workspace, canvas: SlideCanvas, actions: Mapping[str, QAction]
    ) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._work = work
        self._document = work.document
        self._activity = label()
        self._progress = QProgressBar()
        self._progress.setFixedWidth(120)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress"))
        self._progress.hide()
        self.stop = _button(actions["stop"])
        self.stop.setText(tr("Stop"))
        self.stop.setToolTip(actions["stop"].toolTip())
        self.stop.setAccessibleName(actions["stop"].text())
        self.stop.hide()
        self._position = label()
        self._position.setMinimumWidth(scaled(180))
        self._position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.scale = _button(actions["calibration"])
        self.device = _button(actions["about"])
        set_icon(self.device, "chip", "muted")
        self.device.setIconSize(QSize(16, 16))
        self.device.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.addWidget(self._activity)
        self.addWidget(self._progress)
        self.addWidget(self.stop)
        research = label(tr("Research use only"))
        research.setToolTip(RESEARCH_ONLY)
        for widget in (self._position, self.scale, self.device, research):
            self.addPermanentWidget(widget)
        self._doing: dict[str, tuple[str, int, int]] = {}  # by source
        self._hint = ""
        self._hint_timer = QTimer(self, singleShot=True, interval=HINT_MS)
        self._hint_timer.timeout.connect(lambda: self.show_hint(""))
        self._slow_restore = QTimer(self, singleShot=True, interval=SLOW_MS)
        self._slow_restore.timeout.connect(self._show_restore)
        self._connect(canvas)
        self.show_device(None)
        self._show_scale()

    def _connect(self, canvas: SlideCanvas) -> None:
        work, bridge = self._work, self._work.bridge
        work.document.slide_changed.connect(self._show_scale)
        work.document.slide_settings_changed.connect(self._show_scale)
        canvas.hint.connect(self.show_hint)
        canvas.cursor_moved.connect(self.show_position)
        work.slides.opening.connect(
            lambda name: self.show_hint(tr("Opening {name}…").format(name=name))
        )
        for over in (work.slides.opened, work.slides.failed):
            over.connect(lambda _: self.show_hint(""))
        work.demo.progressed.connect(self.show_drawing)
        work.analysis.activity_changed.connect(self.show_analysis)
        work.exports.progressed.connect(self.show_export)
        work.regions.progressed.connect(self.show_import)
        work.slide_scans.progressed.connect(self.show_scan)
        work.slide_scans.scans.changed.connect(self.show_scan)
        work.document.slide_changed.connect(self._restore_begins)
        work.slides.opened.connect(lambda _: self._restore_ends())
        bridge.preparing.connect(self.show_kernels)
        for lost in (bridge.restarted, bridge.died):
            lost.connect(lambda *_: self.show_kernels(1.0))
        bridge.restarted.connect(lambda: self.show_device(None))
        bridge.ready.connect(self.show_device)
        bridge.died.connect(lambda why: self.show_device(None, "" if bridge.started else why))

    def show_analysis(self, text: str, done: int, total: int) -> None:
        """Activity of the models; empty when idle."""
        self._show_doing("analysis", text, done, total)

    def show_export(self, text: str, done: int, total: int) -> None:
        """The file that is being written; empty when none is."""
        self._show_doing("export", text, done, total)

    def show_import(self, text: str, done: int, total: int) -> None:
        """The region file that is being read; empty when none is."""
        self._show_doing("import", text, done, total)

    def show_scan(self) -> None:
        """How far the slide is read; what the user waits for goes first."""
        scans = self._work.slide_scans.scans
        text, done, total = "", 0, 0
        if scans.under_way:
            text = tr("Reading the slide")
        if scans.under_way and scans.map is not None:
            done, total = scans.map.done, scans.map.head.windows
        if scans.per_second > 0 and text:
            text = f"{text}, {formats.pace(scans.per_second, scans.left_s)}"
        self._show_doing("scan", text, done, total)

    def _restore_begins(self) -> None:
        if self._work.sessions.restoring:
            self._slow_restore.start()

    def _show_restore(self) -> None:
        self._show_doing("restore", tr("Reading saved regions"), 0, 0)

    def _restore_ends(self) -> None:
        self._slow_restore.stop()
        self._show_doing("restore", "", 0, 0)

    def show_drawing(self, text: str, done: int, total: int) -> None:
        """Progress of drawing the demo slide; empty when finished."""
        self._show_doing("drawing", text, done, total)

    def show_kernels(self, share: float) -> None:
        """How far the fast kernels are; at 1 they are there. What the user waits for goes first."""
        percent = math.floor(100 * share)
        text = tr("Preparing fast kernels, once per computer: {percent} %").format(percent=percent)
        self._show_doing("kernels", "" if share >= 1 else text, percent, 100)

    def _show_doing(self, who: str, text: str, done: int, total: int) -> None:
        """The last to come is shown; those ASIDE only while there is nothing else."""
        self._doing.pop(who, None)
        if text:
            self._doing[who] = (text if text.endswith("%") else f"{text}…", done, total)
            aside = {name: self._doing[name] for name in ASIDE if name in self._doing}
            rest = {name: told for name, told in self._doing.items() if name not in ASIDE}
            self._doing = aside | rest
        for _, steps, of in self._doing.values():
            self._progress.setRange(0, of)  # 0, 0: it moves to and fro
            self._progress.setValue(steps)
        self._progress.setVisible(bool(self._doing))
        self.stop.setVisible(not self._doing.keys().isdisjoint(("analysis", "export")))
        self._show_left()

    def show_hint(self, text: str) -> None:
        """Show a short text for a few seconds."""
        self._hint = text
        if text:
            self._hint_timer.start()
        self._show_left()

    def _show_left(self) -> None:
        doing = [text for text, _, _ in self._doing.values()]
        self._activity.setText(self._hint or (doing[-1] if doing else ""))

    def show_position(self, x: float, y: float) -> None:
        """Pointer position, level-0 pixels; NaN when it has left."""
        if math.isnan(x):
            self._position.clear()
            return
        mpp = self._document.mpp
        if mpp is None:
            self._position.setText(f"{x:.0f}, {y:.0f} px")
        else:
            self._position.setText(f"{formats.length(x, mpp)}, {formats.length(y, mpp)}")

    def _show_scale(self) -> None:
        slide = self._document.slide
        self.scale.setVisible(slide is not None)
        if slide is None:
            return
        mpp = self._document.mpp
        size = f"{slide.width:,} × {slide.height:,} px".replace(",", "\u202f")
        known = "" if mpp is None else decimal(f"{mpp:.3g} µm/px")
        self.scale.setText(known or tr("Scale unknown, set µm/px…"))
        self.scale.setAccessibleName(
            tr("Scale of the slide: {scale}").format(scale=known or tr("unknown"))
        )
        count = len(slide.levels)
        levels = tr_n("{count} level", "{count} levels", count).format(count=count)
        self.scale.setToolTip(f"{slide.name}: {size}, {levels}\n{tr('Click to set the scale')}")

    def show_device(self, state: EngineReady | None, stopped: str = "") -> None:
        """Show the device of the models. stopped: why the model process ended for good."""
        if state is None and stopped:
            self.device.setText(tr("Models stopped"))
            tip = tr("The model process stopped: {why}. Classify a region to restart it.").format(
                why=stopped
            )
        elif state is None:
            self.device.setText(tr("Starting models…"))
            tip = tr("The model process is starting; you can already use the slide")
        else:
            on_gpu = state.device.startswith("cuda")
            name, why = translated(state.device_name), translated(state.device_reason)
            reason = "" if on_gpu else f"  ·  {why}"
            if len(reason) > LONGEST_REASON:
                reason = f"{reason[: LONGEST_REASON - 1].rstrip()}…"
            self.device.setText(f"{name}{reason}")
            tip = tr("Models run on {device}: {reason}").format(device=name, reason=why)
        self.device.setToolTip(tip)
        self.device.setAccessibleName(tip)


def _button(action: QAction) -> QToolButton:
    made = QToolButton()
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.clicked.connect(action.trigger)
    return made
