"""The map of tiles on the slide: which values, from where on, in which colours."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QFrame

from viewer.controllers.tile_maps import TileMapController
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, icon_button, link
from viewer.widgets.form import form, slider, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.still_box import StillBox

STEPS = 200  # of the slider of the threshold


class TileMapPanel(QFrame):
    """Hidden while the slide has no map of tiles."""

    def __init__(self, controller: TileMapController) -> None:
        super().__init__()
        self._controller, self._maps = controller, controller.maps
        self._filling = False
        self.column_box, self._colors = StillBox(), StillBox()
        self.threshold, self._opacity = slider(STEPS), slider(100)
        self._threshold_text, self._opacity_text = value_text(), value_text()
        self._threshold_text.setFixedWidth(56)
        self._name = ElidedLabel(role="small")
        self._ends = ElidedLabel(role="small")
        self.under_cursor = ElidedLabel(role="small")
        self._eye = icon_button("eye", tr("Show or hide the map of tiles"), checkable=True)
        self._close = icon_button("close", tr("Remove the map of tiles"))
        self._regions = link(tr("Make regions"), tr("One region for each part that is shown"))
        self._spell_out()
        self._lay_out()
        self._connect()
        self.refresh()

    def _spell_out(self) -> None:
        self._colors.add_colormaps()
        for widget, spoken in (
            (self.column_box, tr("Values to show")),
            (self._colors, tr("Colours of the map of tiles")),
            (self.threshold, tr("Hide tiles below this value")),
            (self._opacity, tr("Opacity of the map of tiles")),
        ):
            widget.setAccessibleName(spoken)
            widget.setToolTip(spoken)
        for box in (self.column_box, self._colors):
            box.setSizeAdjustPolicy(StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(3)

    def _lay_out(self) -> None:
        fields = form()
        fields.addRow(term(tr("Values")), self.column_box)
        threshold = row(self.threshold, self._threshold_text, wide=self.threshold)
        fields.addRow(term(tr("From")), threshold)
        opacity = row(self._opacity, self._opacity_text, wide=self._opacity)
        fields.addRow(term(tr("Opacity")), opacity)
        fields.addRow(term(tr("Colours")), self._colors)
        head = section(tr("Map of tiles"), self._eye, self._close)
        foot = row(self.under_cursor, self._regions, wide=self.under_cursor)
        column(self, head, self._name, fields, self._ends, foot)

    def _connect(self) -> None:
        maps = self._maps
        self.column_box.activated.connect(lambda _: maps.choose(self.column_box.currentText()))
        self._colors.activated.connect(lambda _: self._set(colormap=self._colors.currentData()))
        self.threshold.valueChanged.connect(self._on_threshold)
        self._opacity.valueChanged.connect(lambda value: self._set(opacity=value / 100))
        self._eye.toggled.connect(lambda on: self._set(visible=on))
        self._close.clicked.connect(maps.close)
        self._regions.clicked.connect(self._controller.make_regions)
        maps.changed.connect(self.refresh)

    def _set(self, **changes: object) -> None:
        if not self._filling:
            self._maps.set_look(**changes)

    def _on_threshold(self, step: int) -> None:
        look = self._maps.look
        at = look.low + (look.high - look.low) * step / STEPS
        self._set(threshold=at if step else None)

    def show_value(self, x: float, y: float) -> None:
        """The raw value at a place, level-0 pixels; NaN off the slide."""
        known = self._maps.map is not None and math.isfinite(x)
        value = self._maps.value_at(x, y) if known else None
        text = "" if value is None else tr("Under the cursor: {value}")
        self.under_cursor.setText(text.format(value=_number(value) if value is not None else ""))

    def refresh(self) -> None:
        found, look = self._maps.map, self._maps.look
        self.setVisible(found is not None)
        if found is None:
            return
        self._filling = True
        names = list(found.columns)
        if [self.column_box.itemText(n) for n in range(self.column_box.count())] != names:
            self.column_box.clear()
            self.column_box.addItems(names)
        self.column_box.setCurrentText(look.column)
        self._colors.setCurrentIndex(self._colors.findData(look.colormap))
        width = look.high - look.low or 1.0
        step = 0 if look.threshold is None else round((look.threshold - look.low) / width * STEPS)
        self.threshold.setValue(step)
        shown = tr("all") if look.threshold is None else _number(look.threshold)
        self._threshold_text.setText(shown)
        self._opacity.setValue(round(look.opacity * 100))
        self._opacity_text.setText(f"{look.opacity * 100:.0f} %")
        self._eye.setChecked(look.visible)
        self._name.set_texts(found.name, "")
        ends = tr("Colours from {low} to {high} · {shown} of {count} tiles shown")
        if self._maps.own_colours is not None:
            ends = tr("Like colours are like tiles · {shown} of {count} tiles shown")
        self._colors.setEnabled(self._maps.own_colours is None)
        self._ends.setText(
            ends.format(
                low=_number(look.low),
                high=_number(look.high),
                shown=formats.whole(int(self._maps.shown.sum())),
                count=formats.whole(len(found.windows)),
            )
        )
        self._filling = False


def _number(value: float) -> str:
    return tr("no value") if math.isnan(value) else formats.value(value)
