"""The list of models with their cards."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QSizePolicy, QWidget

from ssmamba.checkpoints.labels import labels_of
from viewer.state.fits import Fits
from viewer.state.library import Model, ModelLibrary
from viewer.text.cards import card_lines, headline
from viewer.text.tr import tr, tr_n
from viewer.widgets.basic import chevron, label, link
from viewer.widgets.dialog import selectable
from viewer.widgets.layouts import column, empty, row

CARD_INDENT_PX = 33  # left edge of the names
EMPTY_TEXT = tr(
    "No models yet. Add a checkpoint (.safetensors) from the training commands, or drop one on "
    "the window."
)


class ModelRow(QFrame):
    """One model: a box to switch it on, its name, a summary, and its card on demand."""

    use_changed = Signal(str, bool)
    remove_requested = Signal(str)

    def __init__(self, model: Model, name: str) -> None:
        super().__init__()
        self.path = model.path
        self.setProperty("panel", True)
        self._box = QCheckBox()
        policy = self._box.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._box.setSizePolicy(policy)
        self._name = label(role="title", wrap=True)
        self._about = label(role="small", wrap=True)
        self._fit = label(role="reason", wrap=True)
        for text in (self._name, self._about, self._fit):  # long words may be cut at 200 px
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._fit.hide()
        self._more = chevron(tr("Show model card"), tr("Hide model card"))
        self._remove = link(tr("Remove from list"), tr("The file is not deleted"))
        self._card = QWidget()
        self._card_layout = column(self._card, spacing=1)
        self._card_layout.setContentsMargins(CARD_INDENT_PX, 6, 8, 8)
        self._card.hide()
        self._lay_out()
        self._box.toggled.connect(lambda on: self.use_changed.emit(self.path, on))
        self._more.toggled.connect(self._card.setVisible)
        self._remove.clicked.connect(lambda: self.remove_requested.emit(self.path))
        self.show_model(model, name)

    def _lay_out(self) -> None:
        texts = column(None, self._name, self._about, self._fit, margin=0, spacing=2)
        line = row(self._box, texts, self._more, wide=texts)
        for widget in (self._box, self._more):
            line.setAlignment(widget, Qt.AlignmentFlag.AlignTop)
        column(self, line, self._card, spacing=0).setContentsMargins(16, 8, 8, 8)

    def show_model(self, model: Model, name: str) -> None:
        """name: unique among the models."""
        self._box.blockSignals(True)
        self._box.setChecked(model.in_use)
        self._box.setVisible(model.classifies)  # no box that does nothing
        self._box.blockSignals(False)
        self._box.setToolTip(tr("Use this model"))
        self._box.setAccessibleName(tr("Use this model: {name}").format(name=name))
        self._name.setText(name)
        self._about.setText(headline(model.card))
        self._card_layout.removeWidget(self._remove)
        empty(self._card_layout)
        lines = card_lines(model.card, model.path, model.parameters)
        for at, (term, value) in enumerate(lines):
            self._card_layout.addSpacing(8 if at else 0)
            self._card_layout.addWidget(label(term, "small"))
            self._card_layout.addWidget(selectable(label(value, wrap=True)))
        self._card_layout.addWidget(self._remove)
        self._remove.setVisible(not model.bundled)

    def show_fit(self, fits: bool | None, distance: float | None) -> None:
        """Say where a model does not fit the open slide. distance: in units of its limit."""
        self._fit.setVisible(fits is False)
        if distance is not None:
            text = tr("Does not fit this slide (distance {times:.1f} times the limit).")
            self._fit.setText(text.format(times=distance))


class ModelsPanel(QWidget):
    """All models in the list."""

    def __init__(self, library: ModelLibrary, fits: Fits) -> None:
        super().__init__()
        self._library = library
        self._fits = fits
        self._rows: dict[str, ModelRow] = {}
        self._empty = label(EMPTY_TEXT, "muted", wrap=True)
        self._empty.setContentsMargins(16, 16, 16, 16)
        self._layout = column(self, self._empty, None, margin=0, spacing=0)
        library.changed.connect(self._refresh)
        fits.changed.connect(self._show_fits)
        self._refresh()

    def _refresh(self) -> None:
        models = {m.path: m for m in self._library.models}
        self._empty.setVisible(not models)
        for path in [p for p in self._rows if p not in models]:
            gone = self._rows.pop(path)
            self._layout.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        names = labels_of([Path(path) for path in models], [m.card for m in models.values()])
        for (path, model), name in zip(models.items(), names, strict=True):
            if path in self._rows:
                self._rows[path].show_model(model, name)
                continue
            made = ModelRow(model, name)
            made.use_changed.connect(self._library.set_in_use)
            made.remove_requested.connect(self._library.remove)
            self._rows[path] = made
            self._layout.insertWidget(self._layout.count() - 1, made)
        self._put_in_order()
        named = tr_n("{count} model", "{count} models", len(models))
        self.setAccessibleName(named.format(count=len(models)))
        self._show_fits()

    def _put_in_order(self) -> None:
        """As in the library, which lists some models before those that are there already."""
        before: QWidget = self._empty
        for model in self._library.models:
            made = self._rows[model.path]
            at = self._layout.indexOf(before) + 1
            if self._layout.indexOf(made) != at:
                self._layout.removeWidget(made)
                self._layout.insertWidget(at, made)
                QWidget.setTabOrder(before, made)
            before = made

    def _show_fits(self) -> None:
        for model in self._library.models:
            if model.path in self._rows:
                fits, distance = self._fits.fits(model), self._fits.distance(model)
                self._rows[model.path].show_fit(fits, distance)
