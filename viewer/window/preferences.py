"""The dialog of the preferences; what is changed in it counts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import shiboken6
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QPushButton, QSpinBox, QWidget

from ssmamba.runtime.cores import usable_cores
from viewer.actions.minimap import CORNER_TEXTS
from viewer.look.sizes import scaled
from viewer.saving.cache_files import remove_all, size_bytes
from viewer.saving.paths import cache_folder
from viewer.state.preferences import TILE_MB
from viewer.text.tr import LANGUAGES, tr
from viewer.widgets.basic import Segmented, label
from viewer.widgets.dialog import Dialog
from viewer.widgets.form import inset
from viewer.widgets.layouts import row
from viewer.widgets.still_box import StillBox
from viewer.workspace import Workspace

THEMES = (
    ("system", tr("System"), tr("As the system has it")),
    ("light", tr("Light"), tr("Dark letters on light panels")),
    ("dark", tr("Dark"), tr("Light letters on dark panels, for dim rooms")),
)
DEVICES = (
    ("auto", tr("Automatic: a GPU where there is one")),
    ("cpu", tr("Processor (CPU)")),
    ("cuda", tr("Graphics card (NVIDIA GPU)")),
)

FINGERS = (
    ("move", tr("Move the slide")),
    ("zoom", tr("Zoom, as the wheel does")),
)


class PreferencesDialog(Dialog):
    """Not modal: the slide stays usable beside it."""

    def __init__(self, work: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(tr("Preferences"), parent)
        self.setMinimumWidth(scaled(570))
        self._work = work
        self._kept = work.preferences
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(8)
        self._add_window()
        self._add_moving()
        self._add_models()
        self._add_memory()
        self.lay_out(self._form, margin=20)

    # --- window
    def _add_window(self) -> None:
        now = self._kept.now
        self.theme = Segmented(THEMES, tr("Theme"))
        self.theme.set_value(now.theme if now.theme in dict(t[:2] for t in THEMES) else "system")
        self.theme.chosen.connect(lambda theme: self._kept.set(theme=theme))
        self._row(tr("Theme"), self.theme)
        languages = [("", tr("As the system has it")), *LANGUAGES.items()]
        self.language = _choice(tr("Language"), languages, now.language)
        self.language.currentIndexChanged.connect(self._on_language)
        self._row(tr("Language"), self.language)
        self._later = label(tr("The window has it from the next start."), "small")
        self._later.hide()
        self._form.addRow("", self._later)
        self.colors = StillBox()
        self.colors.add_colormaps()
        self.colors.setAccessibleName(tr("Colours of evidence maps"))
        painting = self._work.document.map_painting
        self.colors.setCurrentIndex(max(0, self.colors.findData(painting.colormap)))
        self.colors.currentIndexChanged.connect(self._on_colors)
        self._row(tr("Evidence maps"), self.colors)

    def _on_language(self) -> None:
        self._kept.set(language=self.language.currentData())
        self._later.show()

    def _on_colors(self) -> None:
        document = self._work.document
        chosen = replace(document.map_painting, colormap=self.colors.currentData())
        document.set_map_painting(chosen)

    # --- moving on the slide
    def _add_moving(self) -> None:
        now = self._kept.now
        self._section(tr("Moving around the slide"))
        self.touchpad = _choice(tr("Two fingers on the touchpad"), FINGERS, now.touchpad)
        self.touchpad.setToolTip(tr("A pinch always zooms, and so does Ctrl with two fingers"))
        self.touchpad.currentIndexChanged.connect(
            lambda _: self._kept.set(touchpad=self.touchpad.currentData())
        )
        self._row(tr("Two fingers"), self.touchpad)
        self.glide = QCheckBox(tr("Glide on after a quick drag"))
        self.glide.setChecked(now.glide)
        self.glide.toggled.connect(lambda on: self._kept.set(glide=on))
        self._form.addRow("", self.glide)
        self.minimap = QCheckBox(tr("Show the minimap"))
        self.minimap.setChecked(now.minimap)
        self.minimap.toggled.connect(lambda on: self._kept.set(minimap=on))
        corners = list(CORNER_TEXTS.items())
        self.corner = _choice(tr("Corner of the minimap"), corners, now.minimap_corner)
        self.corner.currentIndexChanged.connect(
            lambda _: self._kept.set(minimap_corner=self.corner.currentData())
        )
        self._row(tr("Minimap"), self.corner)
        self._form.addRow("", self.minimap)

    # --- models
    def _add_models(self) -> None:
        now = self._kept.now
        self._section(tr("Models"))
        devices = list(DEVICES)
        if now.device not in dict(devices):
            devices.append((now.device, now.device))
        self.device = _choice(tr("Models run on"), devices, now.device)
        self.device.currentIndexChanged.connect(
            lambda _: self._kept.set(device=self.device.currentData())
        )
        self._row(tr("Run on"), self.device)
        self.threads = QSpinBox()
        self.threads.setAccessibleName(tr("Processor cores for models, at most"))
        self.threads.setRange(0, max(usable_cores(), now.threads))
        self.threads.setSpecialValueText(tr("all that are free"))
        self.threads.setValue(now.threads)
        inset(self.threads)
        self.threads.valueChanged.connect(lambda number: self._kept.set(threads=number))
        self._row(tr("Cores, at most"), self.threads)
        self.same_models = QCheckBox(tr("Always start with the models that are in use now"))
        self.same_models.setChecked(bool(now.models))
        self.same_models.toggled.connect(self._on_same_models)
        self._form.addRow("", self.same_models)
        self._which = label("", "small", wrap=True)
        self._form.addRow("", self._which)
        self._show_which()

    def _on_same_models(self, same: bool) -> None:
        paths = tuple(model.path for model in self._work.library.in_use)
        self._kept.set(models=paths if same else ())
        self._show_which()

    def _show_which(self) -> None:
        paths = self._kept.now.models
        self._which.setText(
            tr("At a start: {names}").format(names=", ".join(Path(p).stem for p in paths))
            if paths
            else tr("At a start, those of the last time are in use.")
        )

    # --- memory and files
    def _add_memory(self) -> None:
        now = self._kept.now
        self._section(tr("Memory and files"))
        sizes = [(mib, _size(mib * 2**20)) for mib in sorted({*TILE_MB, now.tile_mb})]
        self.tiles = _choice(tr("Memory for the picture of each open slide"), sizes, now.tile_mb)
        self.tiles.currentIndexChanged.connect(
            lambda _: self._kept.set(tile_mb=self.tiles.currentData())
        )
        self._row(tr("Picture of each slide"), self.tiles)
        self._cache = label("")
        self.remove = QPushButton(tr("Remove"))
        self.remove.setToolTip(tr("Remove files that are made again when they are needed"))
        self.remove.clicked.connect(self._on_remove)
        self._form.addRow(
            label(tr("Temporary files"), "muted"), row(self._cache, self.remove, wide=self._cache)
        )
        self.remove.setEnabled(False)
        self._count_cache()

    def _on_remove(self) -> None:
        self.remove.setEnabled(False)
        open_files = list(self._work.slides.list.paths)
        self._work.background.run(
            lambda: remove_all(cache_folder(), keep=open_files), lambda _: self._count_cache()
        )

    def _count_cache(self) -> None:
        """On a worker: the folder may be on a slow drive."""
        self._work.background.run(lambda: size_bytes(cache_folder()), self._show_cache)

    def _show_cache(self, size: int) -> None:
        if not shiboken6.isValid(self):  # closed meanwhile
            return
        self._cache.setText(_size(size) if size else tr("none"))
        self._cache.setToolTip(str(cache_folder()))
        self.remove.setEnabled(size > 0)

    def _section(self, title: str) -> None:
        self._form.addRow(label("", "small"))
        self._form.addRow(label(title, "section"))

    def _row(self, term: str, field: QWidget) -> None:
        self._form.addRow(label(term, "muted"), field)


def _choice(name: str, choices: Sequence[tuple[object, str]], now: object) -> QComboBox:
    made = StillBox()
    made.setAccessibleName(name)
    for value, text in choices:
        made.addItem(text, value)
    made.setCurrentIndex(max(0, made.findData(now)))
    return made


def _size(size: float) -> str:
    mib = size / 2**20
    return f"{mib / 1024:.3g} GB" if mib >= 1024 else f"{max(1, round(mib))} MB"
