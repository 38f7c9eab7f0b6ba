"""Two maps at the same place: divided by a line, in turn, or as their difference."""

from __future__ import annotations

import math

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame

from viewer.canvas import SlideCanvas
from viewer.compare.canvas import PairCanvas
from viewer.compare.captions import numbers_spoken, numbers_text
from viewer.compare.footer import MapFooter
from viewer.compare.linking import LinkedViews
from viewer.controllers.comparing import ComparisonController
from viewer.controllers.map_painter import PaintedMap
from viewer.state.document import Document
from viewer.state.library import names_beside
from viewer.state.settings import SIGNED_COLORMAP, MapSpec
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, icon_button, label
from viewer.widgets.layouts import column, row
from viewer.widgets.still_box import StillBox

BLINK_MS = 700  # a map is seen before the other one


class PairView(QFrame):
    """One large view with map A and map B."""

    roi_clicked = Signal(object)  # id or None

    def __init__(
        self, document: Document, source: SlideCanvas, comparing: ComparisonController,
        links: LinkedViews,
    ) -> None:  # fmt: skip
        super().__init__()
        self.setProperty("panel", True)
        self._document = document
        self._comparing = comparing
        self._state = comparing.state
        self._maps: list[PaintedMap] = []
        self.canvas = PairCanvas(source)
        self.canvas.setAccessibleName(tr("Comparison of two maps"))
        self.canvas.scene.has_compass = True
        self.canvas.roi_clicked.connect(self.roi_clicked)
        self.canvas.split_changed.connect(self._on_split)
        links.add(self.canvas)
        self._links = links
        self._fit_soon = QTimer(self, singleShot=True, interval=0)
        self._fit_soon.timeout.connect(self.fit)
        links.pointed.connect(self._on_pointed)
        self._split = 0.5  # while it is swiped
        self._a, self._b = StillBox(), StillBox()
        self._swap = icon_button("swap", tr("Let map A and map B change places"))
        self._hint = ElidedLabel(role="small")
        self.footers = MapFooter(), MapFooter(), MapFooter()  # of A, of A − B, of B
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self.flip)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        for box, spoken in ((self._a, tr("Map A")), (self._b, tr("Map B"))):
            box.setAccessibleName(spoken)
            policy = StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(16)
        top = row(
            label("A", "letter"), self._a, self._swap, label("B", "letter"), self._b, self._hint,
            wide=self._hint,
        )  # fmt: skip
        top.setStretch(1, 1)
        top.setStretch(4, 1)
        bottom = row(*self.footers, spacing=12)
        for at in range(3):
            bottom.setStretch(at, 1)
        head = QFrame()
        column(head, top, margin=12, upright=4)
        column(self, head, self.canvas, bottom, wide=self.canvas, margin=0, spacing=0)

    def _connect(self) -> None:
        state = self._state
        self._a.activated.connect(lambda _: state.set_pair(a=self._a.currentData()))
        self._b.activated.connect(lambda _: state.set_pair(b=self._b.currentData()))
        self._swap.clicked.connect(state.swap)
        self._comparing.counted.connect(self.refresh)

    # --- looking
    def flip(self) -> None:
        """Show the other one of the two."""
        if self._state.choice.look == "blink":
            self.canvas.set_split(0.0 if self.canvas.split >= 0.5 else 1.0)

    def _on_split(self, split: float) -> None:
        if self._state.choice.look == "swipe":
            self._split = split
        self._show_letters()

    def sync(self) -> None:
        """Follow the choice of look and of the two maps, while they are seen."""
        if not self.isVisible():
            return
        look = self._state.choice.look
        self.canvas.set_swiping(look == "swipe")
        if look == "blink":
            if not self._blink.isActive():
                self.canvas.set_split(1.0)
                self._blink.start()
        else:
            self._blink.stop()
            self.canvas.set_split(self._split if look == "swipe" else 1.0)
        self._fill()
        self.refresh()

    def showEvent(self, event: object) -> None:
        self.sync()
        self._fit_soon.start()

    def fit(self) -> None:
        """Show the selected region as it fits here, unless the user has moved elsewhere."""
        if self.isVisible() and not (self._links.moved or self._links.follows_slide):
            self._links.fit(self.canvas)

    def hideEvent(self, event: object) -> None:
        self._blink.stop()

    # --- contents
    def _fill(self) -> None:
        """List every map of all pages."""
        names = self.titles()
        pair = self._state.pair or (None, None)
        for box, spec in ((self._a, pair[0]), (self._b, pair[1])):
            kept = [(box.itemText(at), box.itemData(at)) for at in range(box.count())]
            if kept != [(text, key) for key, text in names.items()]:
                box.clear()
                for key, text in names.items():
                    box.addItem(text, key)
            specs = list(names)
            if spec in specs:
                box.setCurrentIndex(specs.index(spec))
                box.setToolTip(box.currentText())

    def titles(self) -> dict[MapSpec, str]:
        """ "Adenocarcinoma · SSMamba" of each map."""
        models = self._state.models
        names = dict(zip((m.path for m in models), names_beside(models), strict=True))
        found: dict[MapSpec, str] = {}
        for model in models:
            for item in self._state.columns:
                parts = (item.title, names[model.path])  # what differs first
                spec = self._state.spec(model, item)
                found.setdefault(spec, " · ".join(part for part in parts if part))
        return found

    def show_maps(self, maps: list[PaintedMap]) -> None:
        self._maps = maps
        self.refresh()

    def refresh(self) -> None:
        """Lay the maps of the selected region, or their difference, and say the numbers."""
        if not self.isVisible():
            return
        pair, look = self._state.pair, self._state.choice.look
        made = self._comparing.difference if look == "difference" else None
        if look == "difference":
            overlays = [] if made is None else [made.overlay]
            self.canvas.show_both(overlays, overlays)
        else:
            a, b = (
                [m.overlay for m in self._maps if pair is not None and m.spec == pair[at]]
                for at in (0, 1)
            )
            self.canvas.show_both(a, b)
        selected = self._document.selected
        self.canvas.set_rois([] if selected is None else [selected])
        self._show_scales()
        self._show_numbers()
        self._show_letters()

    def show_slide_settings(self) -> None:
        self.canvas.set_mpp(self._document.slide_settings.mpp)
        self.canvas.set_icc_enabled(self._document.slide_settings.icc)

    def _show_scales(self) -> None:
        pair = self._state.pair or (None, None)
        selected = self._document.selected
        look = self._document.map_painting
        for footer, spec in ((self.footers[0], pair[0]), (self.footers[2], pair[1])):
            mine = next(
                (m for m in self._maps if m.spec == spec and selected and m.roi_id == selected.id),
                None,
            )
            if mine is not None:
                footer.scale.show_range(mine.low, mine.high, look.colormap)
            footer.set_scale_shown(mine is not None and look.scale == "own")
        made = self._comparing.difference
        shown = self._state.choice.look == "difference" and made is not None
        if shown and made is not None:
            self.footers[1].scale.show_range(-made.reach, made.reach, SIGNED_COLORMAP)
        self.footers[1].set_scale_shown(shown)

    def _show_numbers(self) -> None:
        pair = self._state.pair
        inside, place = self._state.inside, self._state.inside_name
        if pair is None:
            return
        for footer, spec, letter in zip(self.footers[::2], pair, "AB", strict=True):
            numbers = self._comparing.numbers(spec)
            text = numbers_text(numbers, spec == pair[0])
            if letter == "B":
                text = " · ".join(part for part in (text, tr("map B")) if part)
            footer.show_numbers(text, numbers_spoken(numbers, letter == "A", inside, place))
        made = self._comparing.difference
        if self._state.choice.look == "difference":
            raw = made is None or made.raw
            told = tr("A \u2212 B, raw values") if raw else tr("A \u2212 B, shares of each scale")
            tip = tr("Red: more in A; blue: more in B; zero in the middle.")
            self.footers[1].show_numbers(told, tip)
        else:
            self.footers[1].show_numbers("", "")

    def _show_letters(self) -> None:
        look = self._state.choice.look
        shown = tr("Map A is shown") if self.canvas.split >= 0.5 else tr("Map B is shown")
        hints = {
            "swipe": tr("Drag the line, or press , and ."),
            "blink": shown,
            "difference": tr("Red: more in A; blue: more in B"),
        }
        self._hint.setText(hints.get(look, ""))

    def _on_pointed(self, x: float, y: float) -> None:
        if not self.isVisible():
            return
        known = math.isfinite(x)
        self.canvas.point_at((x, y) if known else None)
        values = [
            self._comparing.value(spec, x, y) if known else math.nan
            for spec in self._state.pair or ()
        ]
        for footer, value in zip(self.footers[::2], values, strict=False):
            footer.show_value(value)
        made = self._comparing.difference
        is_shown = self._state.choice.look == "difference" and made is not None and bool(values)
        self.footers[1].show_value(made.of(*values) if is_shown and made else math.nan)

    @property
    def settled(self) -> bool:
        return self.canvas.is_settled()
